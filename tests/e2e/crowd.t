#!/usr/bin/perl
# Many at once: all that may come are served, those that may not are turned away with a
# record, and a flood costs a bounded number of records and nobody else's session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;
use Time::HiRes qw(time);

my $pki = pki();
my $rtu = start_rtu();

sub start {
    my ($limits, @route) = @_;
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], @route }, limits => $limits);
    return $g;
}

sub tls { my ($g, %o) = @_; return Raw104->connect_tls($g->{port}, $pki, %o) }

subtest 'fifty masters at once' => sub {
    # No more than two tls processes wait for them.
    my $g = start('max_sessions = 60; handshakes_per_source = 60; handshake = 60; ', max_sessions => 60);
    my @m = map { spawn_process([ bin('gate104-sim'), 'master', '--json', '--timeout', 60, '--connect', "127.0.0.1:$g->{port}", tls_client($pki), 'single 1001 on accepted' ]) } 1 .. 50;
    my @failed = grep { (stop_process($_, undef, 60) // 1) != 0 } @m;
    is(scalar @failed, 0, 'all are served');
    ok(wait_until(sub { 50 == grep { $_->{event} eq 'session.close' } records($g->{dir}) }), 'each has its end in the log');
    is(scalar(grep { $_->{event} eq 'op.command' } records($g->{dir})), 50, 'and its command');
    my %n = map { $_->{session} => 1 } grep { $_->{event} eq 'session.open' } records($g->{dir});
    is(scalar keys %n, 50, 'and its own number');
    ok(wait_until(sub { 2 == proc_of_role($g->{gate}, 'tls') }), 'two tls processes wait again');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
};

# Each bound on the number of sessions: [limits of all, of the route, why].
for my $c ([ 'max_sessions = 2; ', 16, 'too-many-sessions' ], [ 'max_sessions = 16; ', 2, 'too-many-sessions-of-route' ]) {
    my ($limits, $of_route, $why) = @$c;
    subtest $why => sub {
        my $g = start($limits, max_sessions => $of_route);
        my @m = map { tls($g) } 1 .. 2;
        ok($_->start, 'a session') for @m;
        my $more = tls($g);
        my $port = $Raw104::PORT;
        ok(!$more, 'one more is turned away');
        my $r = wait_record($g->{dir}, { event => 'session.open-failed' });
        is("$r->{why} $r->{route} $r->{source}", "$why r 127.0.0.1:$port", 'with a record that says who and why');
        is($_->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'those who are in go on') for @m;
        (shift @m)->close;
        my $next = wait_until(sub { tls($g) });
        ok($next && $next->start, 'when one has gone there is room');
        is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    };
}

subtest 'a source that is not allowed' => sub {
    my $g = start('spare_workers = 2; ', allow_from => ['127.0.0.2/32']);
    ok(!tls($g), 'is turned away');
    my $r = wait_record($g->{dir}, { event => 'session.open-failed' });
    is("$r->{why} $r->{source}", "source-not-allowed 127.0.0.1:$Raw104::PORT", 'with a record');
    my $m = tls($g, from => '127.0.0.2');
    ok($m && $m->start, 'the other one is let in');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
};

subtest 'a flood of connections from one source' => sub {
    my $g = start('handshakes_per_source = 4; handshake = 5; max_sessions = 100; ', max_sessions => 100);
    my $m = tls($g, from => '127.0.0.2');
    ok($m->start, 'a session from elsewhere');
    my $began = time;
    my @flood = map { Raw104->connect($g->{port}, from => '127.0.0.9') } 1 .. 300;
    is(scalar @flood, 300, 'three hundred connections that say nothing');
    # All but those that may be in set-up are closed.
    my @closed = grep { $_->ended(0) } @flood;
    wait_until(sub { @closed = grep { $_->ended(0) } @flood; @closed >= 296 });
    my $seconds = time - $began;
    is(scalar @closed, 296, 'four are left to shake hands, the others are turned away');
    is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'the session from elsewhere goes on');
    my $new = tls($g, from => '127.0.0.3');
    ok($new && $new->start, 'and a new one from elsewhere is served');
    # Those that waited too long end, one record each.
    ok(wait_until(sub { 4 <= grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir}) }), 'the four end in time');
    is(scalar(grep { $_->ended } @flood), 300, 'all are closed');
    my (@each, @many, $told);
    wait_until(sub {
        my @r = grep { $_->{event} eq 'session.open-failed' } records($g->{dir});
        @each = grep { $_->{why} eq 'too-many-handshakes-of-source' } @r;
        @many = grep { $_->{why} eq 'many' } @r;
        $told = @each;
        $told += $_->{count} for @many;
        return $told >= 296;
    });
    is($told, 296, 'one by one or counted, all that were turned away are in the log');
    cmp_ok(scalar @each, '<=', 20 * (2 + int $seconds), 'with no more than twenty records in a second');
    cmp_ok(scalar @many, '>', 0, 'the others counted');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
};

subtest 'a flood of handshakes that fail' => sub {
    my $g = start('handshakes_per_source = 16; ');
    my $began = time;
    for (1 .. 140) {
        my $m = Raw104->connect($g->{port});
        $m->send($Raw104::STARTDT_ACT);
        $m->ended or return fail('not closed');
    }
    my $seconds = time - $began;
    my (@each, @many, $told);
    wait_until(sub {
        my @r = grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir});
        @each = grep { $_->{why} eq 'plain-104' } @r;
        @many = grep { $_->{why} eq 'many' } @r;
        $told = @each;
        $told += $_->{count} for @many;
        return $told >= 140;
    });
    is($told, 140, 'one by one or counted, all are in the log');
    cmp_ok(scalar @each, '<=', 100 + 5 * (2 + int $seconds), 'one by one only a hundred, and then five in a second');
    my $m = tls($g);
    ok($m && $m->start, 'the next session works');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
};

done_testing();
