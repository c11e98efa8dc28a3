#!/usr/bin/perl
# Rules for certain masters, source addresses and times, limits of steps and time tags, and
# the actions alarm and monitor-only, through real processes in their sandboxes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Gate104;
use JSON::PP;
use JsonSchema;
use MIME::Base64;
use POSIX qw(strftime);
use Raw104;
use Test::More;

my $pki = pki();
my $rtu = Raw104->listener;
my %port = map { $_ => free_port() } qw(enforce observe careful);

sub fingerprint {
    my ($pem) = slurp("$pki/$_[0].crt") =~ /BEGIN CERTIFICATE-----\n(.*?)-----END/s;
    return sha256_hex(decode_base64($pem));
}
my @days  = qw(Sun Mon Tue Wed Thu Fri Sat);
my $other = $days[ ((gmtime)[6] + 3) % 7 ];
my $master = fingerprint('master');
my $policy = <<"P";
time_zone = "UTC";
peer_names = { dispatch = [ "sha256:$master", "dns:dispatch.example" ]; };
monitor = { rules = ( { name = "odd value"; types = [ "M_ME_NB_1" ]; values = [ 666 ]; action = "alarm"; } ); };
control = { default = "refuse"; clock = "trust"; rules = (
  { name = "print";   types = [ 45 ]; ioa = [ 1 ]; peers = [ "dispatch" ]; },
  { name = "subject"; types = [ 45 ]; ioa = [ 2 ]; peers = [ "subject:CN=station.lab,O=gate104 lab" ]; },
  { name = "name";    types = [ 45 ]; ioa = [ 3 ]; peers = [ "dns:MASTER.lab", "issuer:CN=another CA,O=gate104 lab" ]; },
  { name = "issuer";  types = [ 45 ]; ioa = [ 4 ]; peers = [ "issuer:CN=gate104 lab CA,O=gate104 lab" ]; },
  { name = "source";  types = [ 45 ]; ioa = [ 5 ]; from = [ "127.0.0.2", "2001:db8::/32" ]; },
  { name = "always";  types = [ 45 ]; ioa = [ 6 ]; time = [ "00:00-12:00", "12:00-24:00" ]; },
  { name = "never";   types = [ 45 ]; ioa = [ 7 ]; time = [ "$other" ]; },
  { name = "fresh";   types = [ 58 ]; ioa = [ 8 ]; max_age = "5s"; },
  { name = "step";    types = [ 50 ]; ioa = [ 9, 19, 29 ]; value = [ 0, 100 ]; step = 5; },
  { name = "known";   types = [ 50 ]; ioa = [ 10, 11 ]; step = 5; step_first = "refuse"; },
  { name = "told";    types = [ 45 ]; ioa = [ 12 ]; action = "alarm"; },
  { name = "over";    types = [ 45 ]; ioa = [ 13 ]; action = "monitor-only"; },
  { name = "list";    types = [ 46 ]; ioa = [ 14 ]; values = [ 2 ]; },
  { name = "plain";   types = [ 45 ]; ioa = [ 15 ]; } ); };
P
my $careful = <<'P';
time_zone = "UTC";
control = { rules = (
  { name = "always"; types = [ 45 ]; ioa = [ 6 ]; time = [ "00:00-24:00" ]; },
  { name = "not";    types = [ 45 ]; ioa = [ 7 ]; time = [ "00:00-24:00" ]; action = "drop"; },
  { name = "else";   types = [ 45 ]; ioa = [ 7 ]; },
  { name = "fresh";  types = [ 58 ]; ioa = [ 8 ]; max_age = "5s"; } ); };
P
my $dir = write_config(routes => [ map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"],
    rtu => ["127.0.0.1:$rtu->{port}"], enforce => $_ eq 'observe' ? \'false' : \'true', feedback => ['11 -> 111'],
    policy_text => $_ eq 'careful' ? $careful : $policy } } sort keys %port ]);
my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]);
is($status, 0, 'the configuration is good');
unlike($err, qr/policy-\d/, 'and there is nothing to be said of its policies');
my $wrap = write_config(routes => [ { name => 'w', mode => 'wrap-master', listen => ['127.0.0.1:' . free_port()],
    remote => ['127.0.0.1:19998'], peer_name => 'station.lab', policy_text => $policy } ]);
($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$wrap/gate104.conf", '-t' ]);
like($err, qr/gate104\.conf:\d+: warning: routes\[0\]\.policy: .*no master of mode "wrap-master" has one: they match nobody; use from/, 'masters without certificates are warned of');
my $gate = start_gate104($dir);

# certificate, source address
sub session {
    my ($name, %o) = @_;
    my $m = Raw104->connect_tls($port{$name}, $pki, %o) or BAIL_OUT("$name: no connection");
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($rtu) or BAIL_OUT("$name: no session");
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or BAIL_OUT("$name: not started");
    return ($m, $s);
}

sub asdu  { my ($type, $ioa, $element, $cause) = @_; return sprintf '%02x01%02x000100%s%s', $type, $cause // 6, unpack('H6', pack 'V', $ioa), $element }
sub on    { return asdu(45, $_[0], '01') }
sub level { my ($ioa, $v) = @_; return asdu(50, $ioa, unpack('H*', pack 'f<', $v) . '00') }
# C_SC_TA_1 with the time so many seconds from now, in UTC.
sub timed {
    my ($seconds, $iv) = @_;
    my @t = gmtime(time + $seconds);
    return asdu(58, 8, '01' . unpack 'H*', pack 'vC5', $t[0] * 1000, $t[1] | ($iv // 0), $t[2], $t[3], $t[4] + 1, $t[5] - 100);
}

# Sends a command: 'refused' if gate104 answers, 'done' if the station gets it and its
# answer (positive unless said otherwise) comes back.
sub ask {
    my ($m, $s, $asdu, $cause) = @_;
    my ($type, $point) = (substr($asdu, 0, 2), substr $asdu, 8, 10);
    $m->send($m->i($asdu));
    for (1 .. 300) {
        return 'refused' if $m->until_asdu(qr/^${type}0147..$point/, 0.02);
        next if !defined $s->until_asdu(qr/^\Q$asdu\E/, 0.02);
        my $answer = $asdu;
        substr $answer, 4, 2, $cause // '07';
        $s->send($s->i($answer));
        return $m->until_asdu(qr/^\Q$answer\E/) ? 'done' : 'no answer';
    }
    return 'lost';
}

# The station tells a value, and the master gets it.
sub tells {
    my ($m, $s, $asdu) = @_;
    $s->send($s->i($asdu));
    return defined $m->until_asdu(qr/^\Q$asdu\E/);
}

sub of { my ($route, $event) = @_; return grep { $_->{event} eq $event && ($_->{route} // '') eq $route } records($dir) }
# The reasons of the refusals of a route, once there are so many of them.
sub whys {
    my ($route, $event, $count) = @_;
    wait_until(sub { of($route, $event) >= $count });
    return join ' ', map { $_->{why} } of($route, $event);
}

subtest 'who' => sub {
    my ($m, $s) = session('enforce');
    is(join(' ', map { ask($m, $s, on($_)) } 1 .. 4), 'done refused done done', 'by fingerprint, name and issuer');
    my ($m2, $s2) = session('enforce', name => 'twin');
    is(join(' ', map { ask($m2, $s2, on($_)) } 1 .. 4), 'refused done refused done', 'another certificate');
    is(join(' ', map { ask($_->[0], $_->[1], on(15)) } [ $m, $s ], [ $m2, $s2 ]), 'done done', 'what is for everybody');
};

subtest 'from where' => sub {
    my ($m, $s)   = session('enforce');
    my ($m2, $s2) = session('enforce', from => '127.0.0.2');
    is(ask($m, $s, on(5)), 'refused', 'another address');
    is(ask($m2, $s2, on(5)), 'done', 'the one that is named');
};

subtest 'when' => sub {
    my ($m, $s) = session('enforce');
    is(ask($m, $s, on(6)), 'done', 'at any time');
    is(ask($m, $s, on(7)), 'refused', 'on another day');
};

subtest 'how old' => sub {
    my ($m, $s) = session('enforce');
    my $before = of('enforce', 'policy.refused');
    is(ask($m, $s, timed(0)), 'done', 'now');
    is(ask($m, $s, timed(-60)), 'refused', 'a minute ago');
    is(ask($m, $s, timed(60)), 'refused', 'in a minute');
    is(ask($m, $s, timed(0, 0x80)), 'refused', 'marked invalid');
    is((split ' ', whys('enforce', 'policy.refused', $before + 2))[-2], 'tag-old', 'the log says why');
    is((split ' ', whys('enforce', 'policy.refused', $before + 2))[-1], 'tag-future', '... and that');
};

subtest 'a clock that nobody set' => sub {
    my ($m, $s) = session('careful');
    my $timex = "\0" x 512;
    my $state = syscall 159, $timex;    # adjtimex(2)
    my $synchronized = $state < 0 ? -e '/run/systemd/timesync/synchronized' : !(unpack('x40 l', $timex) & 0x40);
    diag 'clock: ' . ($synchronized ? 'synchronized' : 'not synchronized');
    is(ask($m, $s, on(6)), $synchronized ? 'done' : 'refused', 'a rule with a time');
    is(ask($m, $s, timed(0)), $synchronized ? 'done' : 'refused', 'a time tag');
    $m->send($m->i(on(7)));
    ok(wait_record($dir, { event => 'policy.dropped', route => 'careful', rule => 'not' }), 'a rule that lets nothing pass holds with and without');
    is(whys('careful', 'policy.refused', 2), 'policy clock-untrusted', 'the log says why') if !$synchronized;
};

subtest 'how far' => sub {
    my ($m, $s) = session('enforce');
    is(join(' ', map { ask($m, $s, level(9, $_)) } 50, 55, 61, 50.5, 45), 'done done refused done refused', 'from the value before');
    is(ask($m, $s, level(9, 54), '47'), 'done', 'what the station rejects');
    is(join(' ', map { ask($m, $s, level(9, $_)) } 56, 55.5), 'refused done', 'does not count');
    my ($m2, $s2) = session('enforce', name => 'twin');
    is(join(' ', map { ask($m2, $s2, level(9, $_)) } 49, 60), 'refused done', 'another session knows it, too');
    is(ask($m, $s, level(19, 70)), 'done', 'another point has its own');
    is(ask($m, $s, level(19, 101)), 'refused', 'and the range holds beside it');

    is(ask($m, $s, level(10, 20)), 'refused', 'nothing is known');
    ok(tells($m, $s, asdu(13, 10, '0000a041' . '80', 3)), 'the station tells what is not valid');
    is(ask($m, $s, level(10, 20)), 'refused', 'nothing is known');
    ok(tells($m, $s, asdu(13, 10, '0000a041' . '00', 3)), 'the station tells its value');
    is(join(' ', map { ask($m, $s, level(10, $_)) } 26, 24), 'refused done', 'and that counts');
    is(ask($m, $s, level(11, 20)), 'refused', 'nothing is known');
    ok(tells($m, $s, asdu(13, 111, '0000a041' . '00', 20)), 'the station tells it elsewhere');
    is(join(' ', map { ask($m, $s, level(11, $_)) } 14, 16), 'refused done', 'and that counts');
    like(whys('enforce', 'policy.refused', 1), qr/step step .*step policy step-unknown step-unknown step step-unknown step$/, 'the log says why');
};

subtest 'two at a time' => sub {
    my ($m, $s)   = session('enforce');
    my ($m2, $s2) = session('enforce');
    is(ask($m, $s, level(29, 50)), 'done', 'a value');
    my ($audit) = proc_of_role($gate, 'audit');
    kill 'STOP', $audit;
    $m->send($m->i(level(29, 53)));
    ok(!defined $s->until_asdu(qr/^32/, 0.3), 'one waits for its record');
    $m2->send($m2->i(level(29, 47)));
    ok(defined $m2->until_asdu(qr/^320147/), 'no other passes before it');
    kill 'CONT', $audit;
    ok(defined $s->until_asdu(qr/^32/), 'which passes then');
    like(whys('enforce', 'policy.refused', 1), qr/step-busy$/, 'the log says why');
};

subtest 'listed values' => sub {
    my ($m, $s) = session('enforce');
    is(ask($m, $s, asdu(46, 14, '02')), 'done', 'on');
    is(ask($m, $s, asdu(46, 14, '01')), 'refused', 'off is not on the list');
};

subtest 'alarm' => sub {
    my ($m, $s) = session('enforce');
    is(ask($m, $s, on(12)), 'done', 'it passes');
    my $r = wait_record($dir, { event => 'policy.alarm', route => 'enforce', rule => 'told' });
    ok($r, 'and is told') or return;
    is("$r->{severity} $r->{verdict} $r->{type} $r->{ioa}", 'alarm alarm C_SC_NA_1 12', 'what, as an alarm');
    my ($c) = grep { $_->{seq} == $r->{command_seq} } records($dir);
    is("$c->{event} $c->{verdict}", 'op.command pass', 'beside the record of the command');
    ok(tells($m, $s, asdu(11, 500, '9a02' . '00', 3)), 'a value of the station');
    ok(wait_record($dir, { event => 'policy.alarm', rule => 'odd value', direction => 'monitor', verdict => 'pass' }), 'the same');
};

subtest 'monitor-only' => sub {
    my ($m, $s)   = session('enforce');
    my ($m2, $s2) = session('enforce');
    is(ask($m, $s, on(15)), 'done', 'a command');
    is(ask($m, $s, on(13)), 'refused', 'one that ends them');
    is(join(' ', map { ask($m, $s, on($_)) } 15, 15), 'refused refused', 'no more in this session');
    ok(tells($m, $s, asdu(1, 99, '01', 3)), 'but data');
    is(ask($m2, $s2, on(15)), 'done', 'and all of another session');
    my @r = of('enforce', 'policy.monitor-only');
    is(join(' ', map { "$_->{severity} $_->{rule} $_->{verdict}" } @r), 'alarm over monitor-only', 'told once');
    is($r[0]{cot}, 'activation', 'with the command, not with its answer');
    like(whys('enforce', 'policy.refused', 3), qr/policy monitor-only monitor-only$/, 'the log says why');
    my ($code, $list) = run_command([ bin('gate104'), 'sessions', '-c', "$dir/gate104.conf" ]);
    like($list, qr/monitor-only|no commands/, 'and so do its sessions') if $code == 0;
};

subtest 'observed' => sub {
    my ($m, $s) = session('observe', name => 'twin');
    is(join(' ', map { ask($m, $s, $_) } on(1), on(5), on(7), timed(-60), level(10, 20), level(10, 60), on(12), on(13), on(15)),
        join(' ', ('done') x 9), 'all passes');
    wait_until(sub { of('observe', 'policy.would-refuse') >= 7 });
    is(join(' ', map { $_->{why} // $_->{rule} } of('observe', 'policy.would-refuse')),
        'default default default tag-old step-unknown step monitor-only', 'and the log says what it would have been');
    is(join(' ', map { $_->{verdict} } grep { $_->{rule} eq 'told' } of('observe', 'op.command')), 'would-alarm', 'an alarm it would have been');
    is(scalar of('observe', 'policy.alarm') + scalar of('observe', 'policy.monitor-only'), 0, 'but none');
};
is(stop_process($gate, 'TERM'), 0, 'clean stop');
my $schema = decode_json(slurp("$ROOT/doc/log-record.schema.json"));
is(join("\n", map { my $r = $_; map { "$r->{seq} $r->{event}: $_" } schema_faults($schema, $r) } records($dir)), '', 'the log is what its schema says');
done_testing;
