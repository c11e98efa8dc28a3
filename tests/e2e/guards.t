#!/usr/bin/perl
# Guards: what known attacks do, each command lawful by itself, against a route that only
# tells and one that acts; and what an operator does, at which no guard stirs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Raw104;
use Test::More;

my $pki = pki();
my $rtu = start_rtu();
my $raw = Raw104->listener;

# Who may do what does not matter here: all of it is allowed.
sub policy {
    my (%action) = @_;
    my $act = sub { 'action = "' . ($action{ $_[0] } // $action{all}) . '";' };
    return <<"P";
control = { default = "refuse"; clock = "trust"; rules = (
  { name = "setpoint"; types = [ "C_SE_NC_1" ]; rate = "20/min"; rate_per = "point"; },
  { name = "any"; types = [ "C_SC_NA_1", "C_DC_NA_1", "C_IC_NA_1", "C_CI_NA_1", "C_RD_NA_1", "C_CS_NA_1" ]; } ); };
guards = {
  sweep = { points = 20; window = "10min"; ${\ $act->('sweep')} };
  toggle = { changes = 4; window = "10min"; ${\ $act->('toggle')} };
  unknown = { answers = 5; window = "10min"; ${\ $act->('unknown')} };
  interrogation = { requests = 6; reads = 60; window = "10min"; ${\ $act->('interrogation')} };
  early_command = { ${\ $act->('early_command')} };
  opening = { expect = [ "startdt", "interrogation" ]; ${\ $act->('opening')} };
  clock_step = { limit = "10min"; ${\ $act->('clock_step')} };
  second_master = { ${\ $act->('second_master')} };
  takeover = { window = "10min"; ${\ $act->('takeover')} };
};
P
}

# What trips, in order; and with the actions below, what becomes of it: 'ended' with a
# word, or how many commands the master got refused.
my %acts = (all => 'alarm', sweep => 'monitor-only', toggle => 'refuse', unknown => 'close', interrogation => 'refuse',
            clock_step => 'refuse', second_master => 'close', takeover => 'monitor-only');
my %attacks = (
    'industroyer-range'    => [ 'opening early_command sweep toggle', { refused => 260, why => 'guard-sweep' } ],
    'industroyer-shift'    => [ 'opening early_command sweep', { refused => 60, why => 'guard-sweep' } ],
    'industroyer-sequence' => [ 'toggle', { refused => 35, why => 'guard-toggle' } ],
    'industroyer2'         => [ 'opening', { refused => 0 } ],
    'cosmicenergy'         => [ 'opening early_command', { refused => 0 } ],
    'scan-ca'              => [ 'unknown sweep', { ended => 'guard-unknown' } ],
    'scan-ioa'             => [ 'opening unknown sweep', { ended => 'guard-unknown' } ],
    'gi-storm'             => [ 'interrogation', { refused => 54, why => 'guard-interrogation' } ],
    'toggle'               => [ 'toggle', { refused => 15, why => 'guard-toggle' } ],
    'flood'                => [ '', { refused => 480, why => 'rate' } ],
    'clock'                => [ 'clock_step', { refused => 3, why => 'guard-clock-step' } ],
    'early-command'        => [ 'opening early_command', { refused => 0 } ],
    'second-master'        => [ 'second_master', { ended => 'guard-second-master' } ],
    'takeover'             => [ 'takeover', { refused => 2, why => 'guard-takeover' } ],
);
my @LAWFUL = ('gi', 'clock', 'single 1001 on select execute', 'single 1001 off select execute', 'double 1105 on', 'read 1', 'ci',
              'single 1002 on select cancel', 'setpoint-float 1301 12.5', 'testfr', 'stop', 'start', 'gi');

my (%port, @routes);
for my $name (sort keys %attacks) {
    for my $mode (qw(tell act)) {
        push @routes, { name => "$mode-$name", policy_text => policy($mode eq 'tell' ? (all => 'alarm') : %acts) };
    }
}
push @routes, { name => 'lawful', policy_text => policy(all => 'alarm') };
my %watched = map { $_ => policy(%acts, early_command => 'refuse', opening => 'close') } qw(watch shut);
push @routes, { name => $_, policy_text => $watched{$_}, rtu => ["127.0.0.1:$raw->{port}"] } for sort keys %watched;
push @routes, { name => 'observe', policy_text => policy(%acts, early_command => 'close', opening => 'monitor-only'), enforce => \'false' };
for my $r (@routes) {
    $r->{mode} = 'protect-rtu';
    $r->{rtu} //= ["127.0.0.1:$rtu->{port}"];
    $r->{enforce} //= \'true';
    $r->{listen} = [ '127.0.0.1:' . ($port{ $r->{name} } = free_port()) ];
}
my $dir  = write_config(routes => \@routes, limits => 'routes_per_gate = 64;', audit => 'commands = "async";');
my $gate = start_gate104($dir);

sub of_route { my ($route) = @_; return grep { ($_->{route} // '') eq $route } records($dir) }
sub trips    { return grep { defined $_->{guard} } of_route(@_) }
sub master   { my ($route, @words) = @_; return run_master($port{$route}, tls_client($pki), @words) }
sub summary  { my ($m) = @_; return (grep { $_->{event} eq 'summary' } @{ $m->{lines} })[0]{text} // '' }

# Somebody else on the route, before the attack.
sub other {
    my ($route) = @_;
    my $m = Raw104->connect_tls($port{$route}, $pki, from => '127.0.0.2');
    ok($m && $m->start, 'another master is there');
    return $m;
}

# Runs an attack; its trips and its end.
sub attack {
    my ($route, $name) = @_;
    my $m = $name =~ /^(?:second-master|takeover)$/ ? other($route) : undef;
    $m->reset if $m && $name eq 'takeover';
    ok(wait_record($dir, { event => 'session.close', route => $route, why => 'master-reset' }), 'and is cut off') if $name eq 'takeover';
    my $run = master($route, '--attack', $name);
    my $end = wait_until(sub { (grep { $_->{event} eq 'session.close' && $_->{source} // 1 } of_route($route))[ $name eq 'takeover' ? 1 : 0 ] });
    $m->close if $m && $name eq 'second-master';
    return ($run, $end);
}

subtest 'what an operator does' => sub {
    my $run = master('lawful', '--expect-accepted', @LAWFUL);
    is($run->{status}, 0, 'all of it passes') or diag $run->{err}, summary($run);
    is($run->{status}, 0, 'and again') for $run = master('lawful', @LAWFUL);
    ok(wait_until(sub { 2 == grep { $_->{event} eq 'session.close' } of_route('lawful') }), 'two sessions');
    is_deeply([ map { "$_->{guard} $_->{count}" } trips('lawful') ], [], 'at which no guard stirs');
};

for my $name (sort keys %attacks) {
    subtest $name => sub {
        my ($want, $becomes) = @{ $attacks{$name} };
        my ($run) = attack("tell-$name", $name);
        my @trips = trips("tell-$name");
        my %times;
        is(join(' ', map { $times{ $_->{guard} }++ ? () : $_->{guard} } @trips), $want, 'what trips') or diag explain [ map { "$_->{guard} $_->{count}" } @trips ];
        my %told;
        is(join(' ', grep { $told{$_}++ } map { $_->{guard} eq 'toggle' ? "toggle $_->{ioa}" : $_->{guard} } @trips), '', 'said once, of each point');
        is(scalar(grep { $_->{verdict} ne 'alarm' || $_->{severity} ne 'alarm' || $_->{mode} ne 'enforce' || $_->{subject} !~ /CN=/ } @trips), 0,
            'each an alarm, of whom');
        is(scalar(grep { ($_->{why} // '') =~ /^guard/ } of_route("tell-$name")), 0, 'and nothing else happens');
        my $end;
        ($run, $end) = attack("act-$name", $name);
        if ($becomes->{ended}) {
            is($end->{why}, $becomes->{ended}, 'the session is ended');
            return;
        }
        is($end->{why}, 'master-closed', 'the session ends by itself');
        my @refused = grep { $_->{event} eq 'policy.refused' } of_route("act-$name");
        is(scalar @refused, $becomes->{refused}, 'so many commands are refused') or diag summary($run);
        is(scalar(grep { $_->{why} ne $becomes->{why} } @refused), 0, 'and it is said why');
    };
}

subtest 'a session that may only look' => sub {
    my ($m, $s) = Raw104->through($port{watch}, $pki, $raw);
    my $gi = '64010600010000000014';
    my $ask = sub {    # what becomes of a single command
        my ($ioa) = @_;
        my $asdu = sprintf '2d0106000100%s01', unpack 'H6', pack 'V', $ioa;
        $m->send($m->i($asdu));
        for (1 .. 200) {
            return 'refused' if $m->until_asdu(qr/^2d0147/, 0.02);
            next if !$s->until_asdu(qr/^\Q$asdu\E/, 0.02);
            $s->send($s->i($asdu =~ s/^(....)06/${1}07/r));
            return $m->until_asdu(qr/^2d0107/) ? 'passed' : 'no answer';
        }
        return 'lost';
    };
    $m->send($m->i($gi));
    ok($s->until_asdu(qr/^$gi/), 'an interrogation');
    is($ask->(1), 'refused', 'a command before its confirmation');
    $s->send($s->i($gi =~ s/^(....)06/${1}07/r));
    ok($m->until_asdu(qr/^640107/), 'confirmed');
    is(join(' ', map { $ask->($_) } 1 .. 19), join(' ', ('passed') x 19), 'as many points as may be');
    my $session = sub { my ($c, $out) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'sessions', '--json' ]);
                        return (grep { $_->{route} eq 'watch' } @{ decode_json($out)->{sessions} })[0] // {} };
    is($session->()->{commands}, JSON::PP::true, 'it may command');
    is($ask->(20), 'refused', 'one point more');
    is($ask->(1), 'refused', 'and no command passes now');
    is($session->()->{commands} ? 'may' : $session->()->{refused_by}, 'guard-sweep', 'sessions say so, and why');
    $m->send($m->i($gi));
    ok($m->until_asdu(qr/^640147/), 'nor does an interrogation');
    $s->send($s->i('01010300010005000001'));
    ok($m->until_asdu(qr/^010103/), 'values come');
    $_->close for $m, $s;
    ($m, $s) = Raw104->through($port{watch}, $pki, $raw);
    $m->send($m->i($gi));
    ok($m->until_asdu(qr/^640147/), 'who comes again is where he was');
    is(scalar(grep { $_->{event} eq 'policy.sweep' } trips('watch')), 2, 'one record for each session');
    my ($trip) = grep { $_->{event} eq 'policy.sweep' } trips('watch');
    is(join(' ', @$trip{qw(count limit window_ms verdict type ioa)}), '21 20 600000 monitor-only C_SC_NA_1 20', 'which says what and how many');
    $_->close for $m, $s;
};

# What no station sees: TESTFR comes first, as this master never does.
subtest 'an opening that is not expected' => sub {
    my $m = Raw104->connect_tls($port{shut}, $pki);
    my $s = Raw104->accept($raw);
    $m->send($Raw104::TESTFR_ACT);
    ok($m->ended, 'ends the session');
    is($s->until_apdu(qr/./, 0.2), undef, 'before the station sees it');
    my $end = wait_record($dir, { event => 'session.close', route => 'shut' });
    is($end->{why}, 'guard-opening', 'which the log says');
    my ($trip) = trips('shut');
    is($trip->{detail}, 'step 1 is "testfr", "startdt" was due', 'and what it was');
};

subtest 'observed' => sub {
    my $run = master('observe', '--attack', 'industroyer-range');
    ok(wait_record($dir, { event => 'session.close', route => 'observe', why => 'master-closed' }), 'the session goes on');
    my %told;
    is(join(' ', grep { !$told{$_}++ } map { "$_->{guard}:$_->{verdict}:$_->{mode}" } trips('observe')),
        'opening:monitor-only:observe early_command:close:observe sweep:monitor-only:observe toggle:refuse:observe', 'what would have been done');
    my @all = of_route('observe');
    is(scalar(grep { $_->{event} eq 'policy.refused' } @all), 0, 'nothing is refused');
    is(scalar(grep { $_->{event} eq 'policy.would-refuse' } @all), 560, 'and each command says why it would have been');
    like(summary($run), qr/confirmed 280/, 'the station does it all');
};
is(stop_process($gate, 'TERM'), 0, 'clean stop');

# Masters without certificates are one peer: who comes from elsewhere does not begin anew.
subtest 'around a legacy master' => sub {
    my $tls = start_rtu('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/station.crt", '--key', "$pki/station.key");
    my $g = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$tls->{port}"], peer_name => 'station.lab', policy_text => policy(%acts, takeover => 'alarm') },
                        pki => $pki, tls => { cert => "$pki/master.crt", key => "$pki/master.key" });
    my $run = run_master($g->{port}, 'gi', map { "single $_ on" } 1001 .. 1015);
    is($run->{status}, 0, 'some points') or diag $run->{err};
    my $m = Raw104->connect($g->{port}, from => '127.0.0.3');
    ok($m && $m->start, 'another master');
    my @causes = map { ($m->command(sprintf '2d0106000100%s01', unpack 'H6', pack 'V', $_) // '') =~ /^2d01(..)/ ? $1 : 'none' } 1016 .. 1021;
    is("@causes", '07 07 07 07 47 47', 'goes on where the first one ended');
    my @trips = grep { defined $_->{guard} } records($g->{dir});
    is(join(' ', map { $_->{guard} } @trips), 'opening early_command takeover sweep', 'and the log says so');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
};
done_testing;
