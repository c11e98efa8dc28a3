#!/usr/bin/perl
# Handshakes that end anywhere, by the thousand, and in odd records.  tls workers serve many
# sessions here, so that what they would keep of each would stay (flights.t looks at those
# that serve one).
#
# GATE104_ABORTS: how many handshakes are aborted, 1000 if not said.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use RawTls;
use Test::More;

my $pki    = pki();
my $SAN    = $BUILD =~ /-san$/;
my $ABORTS = $ENV{GATE104_ABORTS} // ($SAN ? 200 : 1000);
$ABORTS =~ /^\d+$/ && $ABORTS >= 100 or die "GATE104_ABORTS is a number from 100 on\n";

my $rtu = start_rtu();
my %port = map { $_ => free_port() } qw(cut storm odd);
my $dir = write_config(
    limits => 'max_sessions = 512; handshakes_per_source = 512; sessions_per_worker = 512; spare_workers = 1; handshake = 20; ',
    routes => [ map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"], rtu => ["127.0.0.1:$rtu->{port}"], max_sessions => 4 } } qw(cut storm odd) ]);
my $gate = start_gate104($dir);

my %VERSION = ('TLS 1.2' => 0x0303, 'TLS 1.3' => 0x0304);

# Ends of connections of a route that the log knows of, one by one or counted.
sub told {
    my ($route) = @_;
    my $told = 0;
    for my $r (grep { ($_->{route} // '') eq $route } records($dir)) {
        $told += $r->{why} eq 'many' ? $r->{count} : 1 if $r->{event} eq 'tls.handshake-failed';
        $told++ if $r->{event} =~ /^session\.(?:close|open-failed|dial-failed)$/;
    }
    return $told;
}

sub good_session {
    my ($route) = @_;
    my $m = Raw104->connect_tls($port{$route}, $pki) or return 'no connection';
    $m->start or return 'no STARTDT';
    my $answer = $m->command($Raw104::SINGLE_ON) // 'none';
    $m->close;
    return $answer eq $Raw104::SINGLE_CON ? '' : "answer $answer";
}

my %before;    # connections that a route has had
is(good_session($_), '', "the route \"$_\" works") for keys %port;
$before{$_}++ for keys %port;

# What a process has; the descriptors of another user's are not to be seen.
sub holds {
    my ($pid) = @_;
    my $d;
    my $fds = opendir($d, "/proc/$pid/fd") ? scalar(() = readdir $d) : "hidden";
    return { fds => $fds, kb => memory_kb($pid) };
}

my @all = children_of($gate->{pid});
my %first;

# True when the log has told of all that was begun on a route.
sub at_rest { my ($route) = @_; return wait_until(sub { told($route) >= $before{$route} }, 60) }

# ---- cut ----

# A client that sends so many whole flights and some octets of the next.  True if it came
# that far.
sub cut {
    my ($route, $version, $flights, $octets) = @_;
    my $c = Raw104->connect($port{$route}) or return 0;
    my $t = RawTls->new(pki => $pki, version => $version);
    my $next = $t->flight;
    for (1 .. $flights) {
        $c->send(unpack 'H*', $next);
        $next = '';
        while ($next eq '') {
            $c->fill($Raw104::TIMEOUT) && !$c->{ended} or return 0;
            $next = $t->flight(pack 'H*', $c->{in});
            $c->{in} = '';
        }
    }
    my $size = length $next;
    $c->send(unpack 'H*', substr $next, 0, $octets < $size ? $octets : $size - 1);
    $c->close;
    return 1;
}

for my $version (sort keys %VERSION) {
    subtest "$version: a handshake cut at many octets" => sub {
        # Header, type, lengths one by one; then strides through what follows.
        my @first  = (0 .. 12, map { 17 * $_ } 1 .. 12);
        my @second = (0 .. 12, map { 61 * $_ } 1 .. 18);
        my $came = 0;
        $came += cut('cut', $VERSION{$version}, 0, $_) for @first;
        $came += cut('cut', $VERSION{$version}, 1, $_) for @second;
        $before{cut} += @first + @second;
        is($came, @first + @second, 'all came as far as they wanted');
        ok(at_rest('cut'), 'each has its end in the log');
        is(told('cut'), $before{cut}, 'and none twice');
        is(good_session('cut'), '', 'the next session works');
        $before{cut}++;
    };
}

# ---- by the thousand ----

subtest "$ABORTS handshakes that are aborted" => sub {
    my %hello = map { $_ => unpack 'H*', RawTls->new(pki => $pki, version => $VERSION{$_})->flight } keys %VERSION;
    my @ways = (
        sub { my ($c) = @_; $c->send($hello{'TLS 1.3'}); $c->close },
        sub { my ($c) = @_; $c->send($hello{'TLS 1.2'}); $c->reset },
        sub { my ($c) = @_; $c->send($hello{'TLS 1.2'}); $c->fill($Raw104::TIMEOUT); $c->close },
        sub { my ($c) = @_; $c->send($hello{'TLS 1.3'}); $c->fill($Raw104::TIMEOUT); $c->reset },
        sub { my ($c) = @_; $c->send(substr $hello{'TLS 1.3'}, 0, 100); $c->close },
        sub { my ($c) = @_; $c->send($hello{'TLS 1.3'}, '15030300020228'); $c->close },    # an alert
    );
    my $abort = sub {
        my ($n) = @_;
        for my $i (1 .. $n) {
            my $c = Raw104->connect($port{storm}) or return $i;
            $ways[ $i % @ways ]->($c);
            $before{storm}++;
            # No more at once than are let in.
            at_rest('storm') if $i % 250 == 0;
        }
        return $n;
    };
    # What is kept for the next handshakes, whatever they are, is there after some.
    $abort->(100);
    ok(at_rest('storm'), 'a first hundred ends');
    %first = map { $_ => holds($_) } @all;
    is($abort->($ABORTS), $ABORTS, 'all were connected');
    ok(at_rest('storm'), 'each has its end in the log, one by one or counted');
    is(told('storm'), $before{storm}, 'and none twice');
    is(join(' ', sort { $a <=> $b } children_of($gate->{pid})), join(' ', sort { $a <=> $b } @all), 'every process is still the one it was');
    my (@fds, @large);
    for my $pid (@all) {
        my $now = holds($pid);
        push @fds, role_of($pid) . ": $now->{fds}, not $first{$pid}{fds}" if $now->{fds} ne $first{$pid}{fds};
        push @large, role_of($pid) . ': ' . ($now->{kb} - $first{$pid}{kb}) . ' kB' if $now->{kb} - $first{$pid}{kb} > 1024;
    }
    is("@fds", '', 'none keeps a descriptor of them');
SKIP: {
        skip 'a sanitizer keeps what is freed', 1 if $SAN;
        is("@large", '', 'nor a megabyte');
    }
    my @m = map { Raw104->connect_tls($port{storm}, $pki) } 1 .. 4;
    is(scalar(grep { $_ && $_->start && ($_->command($Raw104::SINGLE_ON) // '') eq $Raw104::SINGLE_CON } @m), 4, 'every place for a session is free');
    $_->close for grep { $_ } @m;
};

# ---- odd records ----

# The handshake messages of a flight in records of one octet; what is encrypted stays as it
# is.
sub crumbs {
    my ($flight) = @_;
    my ($out, $plain) = ('', 1);
    for my $r (RawTls::records($flight)) {
        my ($type, $version, $fragment) = @$r;
        $plain = 0 if $type == 20;
        my @parts = $type == 22 && $plain ? $fragment =~ /(.)/sg : $fragment;
        $out .= join '', map { RawTls::record($type, $version, $_) } @parts;
    }
    return $out;
}

for my $version (sort keys %VERSION) {
    subtest "$version: a handshake in records of one octet" => sub {
        my $c = Raw104->connect($port{odd});
        my $t = RawTls->new(pki => $pki, version => $VERSION{$version});
        my $next = $t->flight;
        my $open = 1;
        while ($open && ($next ne '' || !$t->done)) {
            $c->send(unpack 'H*', crumbs($next)) if $next ne '';
            last if $t->done;
            $open = $c->fill($Raw104::TIMEOUT) && !$c->{ended};
            $next = $t->flight(pack 'H*', $c->{in});
            $c->{in} = '';
        }
        ok($t->done, 'is a handshake');
        $c->send(unpack 'H*', $t->seal(pack 'H*', $Raw104::STARTDT_ACT));
        my $plain = '';
        while ($plain eq '' && $c->fill($Raw104::TIMEOUT) && !$c->{ended}) {
            $plain .= $t->open(pack 'H*', $c->{in});
            $c->{in} = '';
        }
        is(unpack('H*', $plain), $Raw104::STARTDT_CON, 'and the session works');
        $c->close;
        $before{odd}++;
    };
}

# A connection whose first octets are these: closed, with one record.  Gives that.
sub refused {
    my (@hex) = @_;
    my $c = Raw104->connect($port{odd});
    $c->send($_) for @hex;
    ok($c->ended, 'closed');
    wait_until(sub { records_of_client($dir, $c->{port}) });
    my @r = records_of_client($dir, $c->{port});
    is(join(' ', map { $_->{event} } @r), 'tls.handshake-failed', 'one record');
    $before{odd}++;
    return $r[0] // {};
}

my $hello = unpack 'H*', RawTls->new(pki => $pki, version => 0x0304)->flight;
# [what, octets, why]
for my $case (
    [ 'a record of 65535 octets',            '160301ffff' . '5a' x 65535,                     'protocol-error' ],
    [ 'one of 16385 octets',                 '1603014001' . '01003ffd' . '5a' x 16381,        'protocol-error' ],
    [ 'a ClientHello of 16 MiB, announced',  '16030100c8' . '01ffffff0303' . '5a' x 194,      'protocol-error' ],
    [ 'records without octets',              '1603010000' x 100,                              'protocol-error' ],
    [ 'data before the handshake',           '1703030006' . $Raw104::STARTDT_ACT,             'protocol-error' ],
    [ 'a handshake that begins at the end',  '16030300041400000c' . '5a' x 8,                 'protocol-error' ],
    [ 'alerts that only warn, again and again', '15030300020100' x 64,                        'protocol-error' ],
    [ 'a ClientHello twice',                 $hello x 2,                                      'protocol-error' ],
) {
    my ($what, $hex, $why) = @$case;
    subtest $what => sub {
        my $r = refused($hex);
        is(($r->{why} // '') . " $r->{iec62351}", "$why IEC62351-14:4.3", 'which says what it was') or diag $r->{detail};
        is(good_session('odd'), '', 'the next session works');
        $before{odd}++;
    };
}

is(join(' ', sort { $a <=> $b } children_of($gate->{pid})), join(' ', sort { $a <=> $b } @all), 'every process is still the one it was');
is(scalar(grep { $_->{event} =~ /process-died|ipc-violation|log\.gap/ } records($dir)), 0, 'and nothing befell any');
is(stop_process($gate, 'TERM'), 0, 'clean stop');
is(join("\n", log_faults($dir)), '', 'the chain of the log holds');
done_testing;
