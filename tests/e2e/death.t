#!/usr/bin/perl
# Each process of gate104 killed in its turn, under sessions with data: what ends and what
# goes on is what doc/architecture.md says, and the log tells it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;
use Time::HiRes qw(sleep time);

my $pki = pki();
my @rtu  = map { start_rtu('--rate', 40, '--event-types', 33, '--t1', 120) } 0, 1;    # patient
my @port = map { free_port() } 0, 1;
my $dir  = write_config(routes => [ map { { name => "r$_", mode => 'protect-rtu', listen => ["127.0.0.1:$port[$_]"], rtu => ["127.0.0.1:$rtu[$_]{port}"] } } 0, 1 ]);
my $gate = start_gate104($dir);

# ---- sessions with data ----

sub session {
    my ($route) = @_;
    my $m = Raw104->connect_tls($port[$route], $pki) or return undef;
    $m->send($Raw104::STARTDT_ACT);
    return defined $m->until_apdu($Raw104::STARTDT_CON, 5) ? $m : undef;
}

# Sessions that a process which ended has taken with it are not there at once again.
sub new_session { my ($route) = @_; return wait_until(sub { session($route) }) }

# Takes and acknowledges what comes.  True if n events of the RTU came, one after the other.
sub flows {
    my ($m, $n) = (@_, 10);
    my $end = time + 10;
    while ($n > 0 && time < $end) {
        my $apdu = $m->next_apdu(5);
        return 0 if !defined $apdu || $apdu eq 'end';
        next if hex(substr $apdu, 4, 2) & 1;
        $m->send($m->ack);
        $n-- if substr($apdu, 12, 2) eq '21';
    }
    return $n == 0;
}

# The answer to a command amid the events: 'con', 'neg' or what else came.
sub answer {
    my ($m) = @_;
    $m->send($m->ack, $m->i($Raw104::SINGLE_ON));
    return answered($m);
}

sub answered {
    my ($m) = @_;
    my $end = time + 8;
    while (time < $end) {
        my $apdu = $m->next_apdu(8) // return 'none';
        return 'end' if $apdu eq 'end';
        next if hex(substr $apdu, 4, 2) & 1;
        $m->send($m->ack);
        my $asdu = substr $apdu, 12;
        return 'con' if $asdu eq $Raw104::SINGLE_CON;
        return 'neg' if $asdu eq $Raw104::SINGLE_NEG;
    }
    return 'none';
}

sub commands_at { my ($rtu) = @_; return scalar grep { /^2d0106/ } asdus_received(json_lines(slurp($rtu->{out}))) }

# How many connections have ended at these RTUs.
sub closed_at { return scalar grep { $_->{event} eq 'closed' } map { json_lines(slurp($_->{out})) } @_ }

# ---- deaths ----

my %deaths;

# Kills one; checks the records of its end and, if it is one that comes back, of its start.
sub kill_role {
    my ($pid, %o) = @_;
    my $name = role_of($pid);
    my $n = ++$deaths{$name};
    kill 'KILL', $pid;
    return $name if $o{quick};
    ok(wait_until(sub { grep({ $_->{event} eq 'system.process-died' && $_->{process} eq $name && $_->{detail} eq 'ended by signal 9' } records($dir)) == $n }),
       "$name: its end is recorded");
    return $name if $name =~ /^tls/;
    ok(wait_until(sub { grep({ $_->{event} eq 'system.process-started' && $_->{process} eq $name } records($dir)) == $n }),
       "$name: its new start is recorded");
    return $name;
}

sub pid_of { my ($name) = @_; return wait_until(sub { (grep { role_of($_) eq $name } children_of($gate->{pid}))[0] }) }

my ($x, $y, $z) = (session(0), session(0), session(1));
ok($x && $y && $z, 'three sessions, two of them on one route');
ok(flows($_), 'with data') for $x, $y, $z;

subtest 'a tls worker' => sub {
    # Spare ones first, perhaps: whose session it has cannot be seen from outside.
    my (@live, @ended);
    for my $pid (sort { $a <=> $b } proc_of_role($gate, 'tls')) {
        kill_role($pid);
        @live  = grep { flows($_) } $x, $y, $z;
        @ended = grep { my $m = $_; !grep { $_ == $m } @live } $x, $y, $z;
        last if @ended;
    }
    is(scalar @ended, 1, 'one session ended, the others, on its route and on another, go on');
    ok($ended[0]->ended, 'the master is let go');
    ok(wait_until(sub { closed_at(@rtu) == 1 }), 'the RTU is let go');
    my @r = records_of_client($dir, $ended[0]{port});
    is("$r[-1]{event} $r[-1]{why} $r[-1]{leg}", 'session.close tls-process-gone master', 'with a record that says why');
    my $route = $ended[0] == $z ? 1 : 0;
    my $again = session($route);
    ok($again && flows($again), 'and a new one takes its place');
    $_ == $ended[0] and $_ = $again for $x, $y, $z;
};

subtest 'the gate' => sub {
    my $closed = closed_at($rtu[0]);
    kill_role(pid_of('gate-0'));
    ok($x->ended && $y->ended, 'the sessions of its route end');
    ok(wait_until(sub { closed_at($rtu[0]) == $closed + 2 }), 'on the other leg, too');
    ok(flows($z), 'the other route goes on');
    is(answer($z), 'con', 'with its commands');
    $x = new_session(0);
    ok($x && flows($x), 'and a new session takes their place');
    is(answer($x), 'con', 'with its commands');
};

subtest 'the broker' => sub {
    kill_role(pid_of('broker-0'));
    ok(flows($_), 'open sessions go on') for $x, $z;
    is(answer($z), 'con', 'with their commands');
    $y = new_session(0);
    ok($y && flows($y), 'new ones work again');
    my @s = map { $_->{session} } grep { $_->{event} eq 'session.open' } records($dir);
    my %s = map { $_ => 1 } @s;
    is(scalar keys %s, scalar @s, 'no session has the number of another');
};

subtest 'the signer, again and again' => sub {
    for my $n (1 .. 4) {
        kill_role(pid_of('signer-0'));
        if ($n == 2) {
            ok(flows($_), 'open sessions go on') for $x, $z;
        }
    }
    # The fifth time it stays away for a second and a half.
    kill_role(pid_of('signer-0'), quick => 1);
    my $m = Raw104->connect_tls($port[0], $pki);
    ok(!$m, 'no handshake without a signer');
    my ($r) = wait_until(sub { (grep { $_->{event} =~ /failed/ } records_of_client($dir, $Raw104::PORT))[0] });
    is($r && "$r->{event} $r->{why}", 'tls.handshake-failed signer-failed', 'with a record that says why');
    $m = new_session(0);
    ok($m && flows($m), 'new sessions work when it is back');
    $m->close;
    my (@gap, $died);
    for (grep { ($_->{process} // '') eq 'signer-0' } records($dir)) {
        $died = $_->{mono_ms} if $_->{event} eq 'system.process-died';
        push @gap, $_->{mono_ms} - $died if $_->{event} eq 'system.process-started';
    }
    # The end may have been written down late.
    my @early = grep { $gap[$_] < 100 * 2**$_ / 2 } 0 .. $#gap;
    is(scalar @gap, 5, 'five new starts');
    is("@early", '', 'each waits twice as long as the one before') or diag "@gap";
};

subtest 'audit' => sub {
    my $done = commands_at($rtu[1]);
    is(answer($z), 'con', 'a command');
    kill_role(pid_of('audit-0')) for 1 .. 3;
    is(wait_until(sub { answer($z) eq 'con' }), 1, 'commands pass again when it is back, by themselves');
    my $before = commands_at($rtu[1]);
    kill_role(pid_of('audit-0'), quick => 1);
    is(answer($z), 'neg', 'a command without it is refused, with an answer');
    ok(flows($_), 'data goes on') for $x, $y, $z;
    is(commands_at($rtu[1]), $before, 'the RTU has not seen the command');
    is(wait_until(sub { answer($z) eq 'con' }), 1, 'and again they pass');
    ok(wait_for_text($gate->{err}, qr/^gate-1: ALARM: .*commands are refused/m), 'the operator was told');
    my $refused = wait_until(sub { (grep { $_->{event} eq 'policy.refused' } records_of_client($dir, $z->{port}))[0] });
    is($refused && "$refused->{why} $refused->{verdict}", 'log-unavailable refuse', 'and it is in the log, once there is one');
    ok((grep { $_->{event} eq 'log.monitor-only-off' } records($dir)), 'with the end of monitor-only');
    # A command that waits for its record when audit dies, and when it only falls silent.
    for my $end (qw(KILL CONT)) {
        my $audit = pid_of('audit-0');
        my $seen  = commands_at($rtu[1]);
        kill 'STOP', $audit;
        wait_until(sub { slurp("/proc/$audit/stat") =~ /^\d+ \(.*\) T / });
        $z->send($z->ack, $z->i($Raw104::SINGLE_ON));
        if ($end eq 'KILL') {
            ok(flows($z), 'data overtakes a command that waits');
            kill_role($audit, quick => 1);
        }
        is(answered($z), 'neg', "$end: it is refused, with an answer");
        is(commands_at($rtu[1]), $seen, 'the RTU has not seen it');
        kill 'CONT', $audit;
        is(wait_until(sub { answer($z) eq 'con' }), 1, 'and again they pass');
    }
    # Whatever reached the RTU has its record.
    wait_until(sub { my $n = grep { $_->{event} eq 'op.command' } records_of_client($dir, $z->{port}); $n >= commands_at($rtu[1]) - $done });
    my %recorded = map { $_->{apdu} => 1 } grep { $_->{event} eq 'op.command' } records_of_client($dir, $z->{port});
    cmp_ok(scalar keys %recorded, '>=', commands_at($rtu[1]), 'no command reached the RTU without its record');
    is(join("\n", log_faults($dir)), '', 'the chain of the log holds through all audit processes');
};

subtest 'the monitor' => sub {
    my @pids = children_of($gate->{pid});
    my $closed = closed_at(@rtu);
    is(stop_process($gate, 'KILL'), 9, 'killed');
    ok(wait_until(sub { !grep { slurp("/proc/$_/stat") =~ /^\d+ \(.*\) [^ZX]/s } @pids }), 'every role ends');
    ok($_->ended, 'the master is let go') for $x, $y, $z;
    ok(wait_until(sub { closed_at(@rtu) == $closed + 3 }), 'so are the RTUs');
    $gate = start_gate104($dir);
    my $m = session(0);
    ok($m && flows($m), 'it can be started again');
    $m->close;
    is(stop_process($gate, 'TERM'), 0, 'and stopped');
    my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
    is($status, 0, 'the log verifies over all of it') or diag $out, $err;
};

done_testing();
