# gate104 with tls workers that do what their first client says (tests/redteam/puppet.c).
package Puppet;
use strict;
use warnings;
use Gate104;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

# A copy of the build folder with the puppet for a worker.  From then on gate104d of it is
# started.
sub take_over {
    my $dir = scratch();
    chmod 0755, $dir;
    for my $role (qw(gate104d gate104-broker gate104-gate gate104-signer gate104-audit gate104-fetcher gate104-sim gate104)) {
        system('cp', bin($role), "$dir/$role") == 0 or die "cp $role";
    }
    system('cp', bin('redteam/gate104-tls'), "$dir/gate104-tls") == 0 or die 'cp gate104-tls';
    $Gate104::BUILD = $dir;
    return $dir;
}

sub connect {
    my ($class, $port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 10) or return undef;
    return bless { s => $s, in => '', frames => [] }, $class;
}

sub packet { my ($type, $payload) = @_; return pack('vv', $type, length $payload) . $payload }

# Sends a packet as it is on a channel of the worker.  False: the worker is gone.
sub raw {
    my ($p, $channel, $packet) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $frame = pack('na', 1 + length $packet, $channel) . $packet;
    while (length $frame) {
        my $n = syswrite $p->{s}, $frame;
        return 0 if !$n;
        substr $frame, 0, $n, '';
    }
    return 1;
}

sub message { my ($p, $channel, $type, $payload) = @_; return $p->raw($channel, packet($type, $payload)) }

# The next packet that came on a channel: (type, payload), or () at the end or in time.
sub next {
    my ($p, $channel, $seconds) = @_;
    my $end = time + ($seconds // 10);
    while (1) {
        for my $i (0 .. $#{ $p->{frames} }) {
            next if substr($p->{frames}[$i], 0, 1) ne $channel;
            my $f = splice @{ $p->{frames} }, $i, 1;
            return unpack 'x1 v x2 a*', $f if length $f >= 5;
            $p->{closed}{$channel} = 1;
            return ();
        }
        my $left = $end - time;
        return () if $p->{ended} || $left <= 0 || !IO::Select->new($p->{s})->can_read($left);
        $p->{ended} = 1 if !sysread $p->{s}, $p->{in}, 65536, length $p->{in};
        while (length $p->{in} > 2 && length $p->{in} >= 2 + unpack 'n', $p->{in}) {
            push @{ $p->{frames} }, substr $p->{in}, 2, unpack('n', $p->{in});
            substr $p->{in}, 0, 2 + unpack('n', $p->{in}), '';
        }
    }
}

# True once the worker is gone.
sub ended { my ($p) = @_; 1 while $p->next('-', 10); return $p->{ended} }

# True once the worker's channel is closed, or the worker gone.
sub closed { my ($p, $channel) = @_; 1 while $p->next($channel); return $p->{closed}{$channel} || $p->{ended} }

# APDUs to the gate, in hex, and its answers until one matches.
sub send  { my ($p, $hex) = @_; return $p->message('g', 34, pack 'H*', $hex) }
sub until {
    my ($p, $want) = @_;
    while (my ($type, $payload) = $p->next('g')) {
        next if $type != 36;
        my $hex = unpack 'H*', $payload;
        return $hex if $hex =~ $want;
    }
    return undef;
}

# An open 104 session under a name that no certificate says.
sub start {
    my ($class, $port, $name) = @_;
    my $p = $class->connect($port) or return undef;
    $p->raw('i', $name // 'CN=forged');
    $p->send('680407000000');
    return defined $p->until(qr/^68040b/) ? $p : undef;
}

1;
