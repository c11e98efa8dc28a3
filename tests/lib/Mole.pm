# gate104 with roles that do what the test says (tests/redteam/mole.c): as if they had been
# taken over, in the midst of the rest of it as it is.
package Mole;
use strict;
use warnings;
use Gate104;
use IO::Select;
use Socket;
use Time::HiRes qw(time);

my %ROLE = (1 => 'broker', 2 => 'tls', 3 => 'gate', 4 => 'signer', 5 => 'audit', 6 => 'fetcher');
my %LISTEN;

# A copy of the build folder in which these ("gate-0", or "tls" for all of them) are taken
# over.  From then on gate104d of it is started.
sub take_over {
    my (@names) = @_;
    my $dir = scratch();
    chmod 0755, $dir;
    mkdir "$dir/real", 0755;
    for my $program (qw(gate104d gate104-broker gate104-tls gate104-gate gate104-signer gate104-audit gate104-fetcher gate104-sim gate104)) {
        system('cp', bin($program), "$dir/$program") == 0 or die "cp $program";
    }
    for my $name (@names) {
        my ($role) = $name =~ /^(\w+)/;
        rename "$dir/gate104-$role", "$dir/real/gate104-$role" if !-e "$dir/real/gate104-$role";
        system('cp', bin('redteam/mole'), "$dir/gate104-$role") == 0 or die 'cp mole';
        socket my $l, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
        bind $l, pack_sockaddr_un("$dir/orders-$name") or die "bind: $!";
        listen $l, 64;
        $LISTEN{$name} = $l;
    }
    $Gate104::BUILD = $dir;
    return $dir;
}

# The next process of that name, once it runs.
sub await {
    my ($class, $name, $seconds) = @_;
    return undef if !IO::Select->new($LISTEN{$name})->can_read($seconds // 10);
    accept my $s, $LISTEN{$name} or return undef;
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, 4 << 20;
    my $m = bless { s => $s, name => $name, fd => {}, listener => [], came => {}, done => [] }, $class;
    my $end = time + 10;
    while (!$m->{started}) { $m->hear($end - time) or return undef }
    return $m;
}

# Takes one report; false when there is none in time, or the process is gone.
sub hear {
    my ($m, $seconds) = @_;
    return 0 if $m->{gone} || !IO::Select->new($m->{s})->can_read($seconds);
    my $n = sysread $m->{s}, my $p, 65536;
    if (!$n) {
        $m->{gone} = 1;
        return 0;
    }
    my $kind = substr $p, 0, 1;
    if ($kind eq 'D') {
        push @{ $m->{done} }, [ unpack 'x l l', $p ];
    } elsif ($kind eq 'L') {
        push @{ $m->{listener} }, unpack 'x S', $p;
    } elsif ($kind eq 'R') {
        $m->{started} = 1;
    } elsif ($kind eq 'H') {
        my ($role, $id, $fd) = unpack 'x C L S', $p;
        $m->{fd}{"$ROLE{$role}-$id"} = $fd;
    } else {
        my ($fd, $count) = unpack 'x S C', $p;
        my @fds = unpack "x4 S$count", $p;
        my $raw = substr $p, 4 + 2 * $count;
        my ($type, $payload) = length $raw >= 4 ? unpack 'S x2 a*', $raw : (0, '');
        push @{ $m->{came}{$fd} }, { fd => $fd, raw => $raw, type => $type, payload => $payload, fds => \@fds, closed => $raw eq '' };
    }
    return 1;
}

sub order {
    my ($m, $order) = @_;
    local $SIG{PIPE} = 'IGNORE';
    send $m->{s}, $order, 0 or return;
    my $end = time + 10;
    while (!@{ $m->{done} }) { $m->hear($end - time) or return }
    return @{ shift @{ $m->{done} } };
}

# The channel to "audit-0", once it is there.
sub channel {
    my ($m, $name) = @_;
    return 3 if $name eq 'monitor';
    my $end = time + 10;
    while (!defined $m->{fd}{$name}) { $m->hear($end - time) or return undef }
    return $m->{fd}{$name};
}

sub packet { my ($type, $payload) = @_; return pack('SS', $type, length $payload) . $payload }

# How often the packet was sent; undef: the process is gone.
sub raw {
    my ($m, $fd, $packet, %o) = @_;
    my @fds = @{ $o{fds} // [] };
    my ($sent) = $m->order(pack("a S L C S*", 'S', $fd, $o{times} // 1, scalar @fds, @fds) . $packet);
    return $sent;
}
sub message { my ($m, $fd, $type, $payload, %o) = @_; return $m->raw($fd, packet($type, $payload), %o) }

# The next thing that came on a descriptor, of this type if one is given.
sub next {
    my ($m, $fd, %o) = @_;
    my $end = time + ($o{seconds} // 10);
    while (1) {
        my $queue = $m->{came}{$fd} // [];
        for my $i (0 .. $#$queue) {
            next if defined $o{type} && ($queue->[$i]{closed} || $queue->[$i]{type} != $o{type});
            return splice @$queue, $i, 1;
        }
        $m->hear($end - time) or return undef;
    }
}

# True once the other end of a descriptor is closed, or the process gone.
sub closed {
    my ($m, $fd) = @_;
    while (my $c = $m->next($fd)) { return 1 if $c->{closed} }
    return $m->{gone};
}
sub gone { my ($m) = @_; my $end = time + 10; 1 while $m->hear($end - time); return $m->{gone} }

sub close  { my ($m, $fd) = @_; return $m->order(pack 'aS', 'C', $fd) }
sub watch  { my ($m, $fd) = @_; $m->order(pack 'aS', 'W', $fd); return $fd }
sub deaf   { my ($m, $fd) = @_; return $m->order(pack 'aS', 'I', $fd) }
sub pair   { my ($m) = @_; return $m->order('P') }
sub dial   { my ($m, $port) = @_; return $m->order(pack 'aS', 'T', $port) }
sub accept_on {
    my ($m, $fd) = @_;
    return wait_until(sub { my ($got) = $m->order(pack 'aS', 'A', $fd); return defined $got && $got >= 0 ? [$got] : undef });
}
sub call { my ($m, @call) = @_; return $m->order(pack 'a q7', 'Y', map { $_ // 0 } @call[0 .. 6]) }

# Ends what was taken over, without a word.
sub leave { my ($m) = @_; CORE::close $m->{s}; return }

# ---- what messages are made of ----

sub endpoint { my ($port) = @_; return pack 'CxS C4 x12', 4, $port // 40000, 127, 0, 0, 1 }
sub session  { my ($id, $route, %o) = @_; return pack('Q S S L', $id, $route, $o{zero} // 0, $o{worker} // 0) . ($o{endpoint} // endpoint()) }

# A record: event, { tag => number or text }, ticket (with which it is to be acknowledged).
sub record {
    my ($event, $fields, $ticket) = @_;
    my $r = pack 'v C Q<', $event, defined $ticket ? 1 : 0, $ticket // 0;
    for my $tag (sort { $a <=> $b } keys %$fields) {
        my $v = $fields->{$tag};
        $r .= ref $v ? pack 'C Q<', $tag, $$v : pack 'C v/a*', $tag, $v;
    }
    return $r;
}

1;
