#!/usr/bin/perl
# One closing record for each operation: what was selected, executed, confirmed, terminated
# and returned, tied together, however the operation ends.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $pki = pki();

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = (
  { name = "breakers"; types = [ "C_SC_NA_1", "C_DC_NA_1", "C_SE_NC_1" ]; ca = [ 1 ]; ioa = [ "1001-1100" ]; },
  { name = "only on"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ 1200 ]; value = [ 1, 1 ]; },
  { name = "station"; types = [ "C_IC_NA_1", "C_CS_NA_1" ]; ca = [ 1 ]; }
); };
P

my $rtu = Raw104->listener;
my %port = map { $_ => free_port() } qw(patient quick);
my %route = (mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $POLICY, k => 40);
my $dir = write_config(routes => [
    { %route, name => 'patient', listen => ["127.0.0.1:$port{patient}"], feedback => ['1050-1059 -> 2050'] },
    { %route, name => 'quick',   listen => ["127.0.0.1:$port{quick}"], operation_timeout => 1 } ]);
my $gate = start_gate104($dir);

# Octets: C_SC_NA_1 (45), C_DC_NA_1 (46) at CA 1; 0x80 in the value is select.
sub asdu { my ($type, $cause, $ioa, $octets) = @_; return unpack 'H*', pack 'CCCCvvCH*', $type, 1, $cause, 0, 1, $ioa, 0, $octets }
sub single { my ($cause, $ioa, $value) = @_; return asdu(45, $cause, $ioa, $value) }

sub session {
    my ($route) = (@_, 'patient');
    my $m = Raw104->connect_tls($port{$route}, $pki) or die 'no TLS';
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($rtu) or die 'no session';
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die 'no STARTDT';
    return ($m, $s);
}

# A command from the master to the station.
sub command {
    my ($m, $s, $asdu) = @_;
    $m->send($m->i($asdu));
    return defined $s->until_asdu(qr/^$asdu$/);
}

# From the station to the master.
sub answer {
    my ($m, $s, @asdus) = @_;
    $s->send(map { $s->i($_) } @asdus);
    return !grep { !defined $m->until_asdu(qr/^\Q$_\E$/) } @asdus;
}

# The records of the master's session, of an event; waits until there are that many.
sub of_session {
    my ($m, $event, $count) = @_;
    my @found;
    wait_until(sub { @found = grep { $_->{event} eq $event } records_of_client($dir, $m->{port}); @found >= $count });
    return @found;
}

# What op.closed says beside the frame of every record.
sub closed {
    my ($m, $count) = @_;
    my @keys = qw(outcome why type ca ioa value state state_type state_cot state_ioa state_quality command_seq select_seq);
    return map { my $r = $_; +{ map { defined $r->{$_} ? ($_ => $r->{$_}) : () } @keys } } of_session($m, 'op.closed', $count);
}

sub commands { my ($m, $count) = @_; return map { $_->{seq} } of_session($m, 'op.command', $count) }

my %point = (type => 'C_SC_NA_1', ca => 1, ioa => 1001);

subtest 'select, execute, confirm, return information, terminate' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1001, '81')), 'select');
    ok(answer($m, $s, single(7, 1001, '81')), 'confirmed');
    ok(command($m, $s, single(6, 1001, '01')), 'execute');
    ok(answer($m, $s, single(7, 1001, '01'), asdu(1, 11, 1001, '01'), single(10, 1001, '01')), 'confirmed, state, terminated');
    my ($closed) = of_session($m, 'op.closed', 1);
    my @seq = commands($m, 2);
    is_deeply([ closed($m, 1) ],
              [ { outcome => 'executed', %point, value => 1, state => 1, state_type => 'M_SP_NA_1', state_cot => 'return-remote',
                  state_ioa => 1001, command_seq => $seq[1], select_seq => $seq[0] } ], 'one record');
    ok((!grep { !defined $closed->{$_} } qw(select_confirm_ms confirm_ms termination_ms state_ms)), 'with all its times');
    cmp_ok($closed->{confirm_ms}, '<=', $closed->{state_ms}, 'in order');
    cmp_ok($closed->{state_ms}, '<=', $closed->{termination_ms}, 'to the end');
    like($closed->{subject}, qr/CN=/, 'and who it was');
    my @answers = map { "$_->{event} $_->{command_seq}" } grep { $_->{event} =~ /^op\.(confirmed|terminated)/ } records_of_client($dir, $m->{port});
    is("@answers", "op.confirmed $seq[0] op.confirmed $seq[1] op.terminated $seq[1]", 'its other records say the same');
    my ($command) = of_session($m, 'op.command', 1);
    is($command->{source}, "127.0.0.1:$m->{port}", 'a command says where it came from');
    $m->close;
    ok(of_session($m, 'session.close', 1), 'the session ends');
    is(scalar closed($m, 1), 1, 'and adds nothing');
};

subtest 'two points at once, one rejected' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1002, '01')) && command($m, $s, single(6, 1003, '00')), 'two commands');
    ok(answer($m, $s, single(0x47, 1003, '00'), single(7, 1002, '01'), single(10, 1002, '01'), asdu(30, 3, 1002, '4100000c0b15061a')), 'answers');
    my @seq = commands($m, 2);
    is_deeply([ closed($m, 2) ],
              [ { outcome => 'rejected', why => 'execute', %point, ioa => 1003, value => 0, command_seq => $seq[1] },
                { outcome => 'executed', %point, ioa => 1002, value => 1, state => 1, state_type => 'M_SP_TB_1', state_cot => 'spontaneous',
                  state_ioa => 1002, state_quality => 'not-topical', command_seq => $seq[0] } ], 'each closed by its own');
    $m->close;
};

subtest 'a state elsewhere, of another type, as configured' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1051, '01')), 'execute');
    ok(answer($m, $s, single(7, 1051, '01'), single(10, 1051, '01'), asdu(3, 11, 2051, '00'), asdu(3, 11, 2050, '01'), asdu(3, 11, 2051, '02')),
       'on its way, a neighbour, there');
    my ($c) = closed($m, 1);
    is_deeply([ @$c{qw(outcome state state_type state_ioa)} ], [ 'executed', 2, 'M_DP_NA_1', 2051 ], 'found');
    $m->close;
};

subtest 'nothing comes back' => sub {
    my ($m, $s) = session('quick');
    ok(command($m, $s, single(6, 1001, '01')), 'execute');
    ok(command($m, $s, single(6, 1002, '81')) && answer($m, $s, single(7, 1002, '81')), 'a select that is confirmed');
    my @closed = closed($m, 2);
    is_deeply([ map { "$_->{ioa} $_->{outcome} $_->{why}" } @closed ],
              [ '1001 timed-out no-confirmation', '1002 timed-out no-execute' ], 'told after the configured time');
    ok(answer($m, $s, single(7, 1001, '01')), 'an answer behind time');
    my ($late) = grep { $_->{ioa} == 1001 } of_session($m, 'op.confirmed', 2);
    is($late->{command_seq}, (commands($m, 2))[0], 'still names its command');
    $m->close;
    of_session($m, 'session.close', 1);
    is(scalar closed($m, 2), 2, 'and closes nothing again');
};

subtest 'the session ends first' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1001, '01')) && answer($m, $s, single(7, 1001, '01')), 'confirmed');
    ok(command($m, $s, single(6, 1002, '01')), 'not even that');
    $s->reset;
    is_deeply([ map { "$_->{ioa} $_->{outcome} $_->{why}" } closed($m, 2) ],
              [ '1001 session-ended no-termination', '1002 session-ended no-confirmation' ], 'both closed');
    my @events = map { $_->{event} } records_of_client($dir, $m->{port});
    is("@events[-3 .. -1]", 'op.closed op.closed session.close', 'before the session');
};

subtest 'deselected' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1001, '81')) && answer($m, $s, single(7, 1001, '81')), 'selected');
    ok(command($m, $s, single(8, 1001, '81')) && answer($m, $s, single(9, 1001, '81')), 'deselected');
    my ($r) = of_session($m, 'op.closed', 1);
    is($r->{outcome}, 'cancelled', 'cancelled');
    ok(defined $r->{deselect_confirm_ms}, 'and when');
    $m->close;
};

subtest 'the execute is refused here' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1200, '81')) && answer($m, $s, single(7, 1200, '81')), 'selected');
    is($m->command(single(6, 1200, '00')), single(0x47, 1200, '00'), 'execute refused');
    is($m->command(single(6, 1300, '01')), single(0x47, 1300, '01'), 'and another, of which nothing was selected');
    is_deeply([ map { "$_->{ioa} $_->{outcome} $_->{why}" } closed($m, 1) ], ['1200 not-forwarded policy'], 'one was begun');
    $m->close;
};

subtest 'a clock, an interrogation' => sub {
    my ($m, $s) = session();
    my $clock = asdu(103, 6, 0, '00000c0b15061a');
    ok(command($m, $s, $clock) && answer($m, $s, asdu(103, 7, 0, '00000c0b15061a')), 'clock');
    ok(command($m, $s, asdu(100, 6, 0, '14')) && answer($m, $s, map { asdu(100, $_, 0, '14') } 7, 10), 'interrogation');
    is_deeply([ map { "$_->{type} $_->{outcome}" } closed($m, 2) ], [ 'C_CS_NA_1 executed', 'C_IC_NA_1 executed' ], 'both over at once');
    $m->close;
};

subtest 'more than a session may have open' => sub {
    my ($m, $s) = session();
    ok(command($m, $s, single(6, 1001 + $_, '01')), "command $_") for 0 .. 16;
    is_deeply([ map { "$_->{ioa} $_->{outcome} $_->{why}" } closed($m, 1) ], ['1017 untracked too-many'], 'one is not followed, and that is said');
    $m->reset;
    is(scalar closed($m, 17), 17, 'each has its record');
};

subtest 'the log is late' => sub {
    my ($m, $s) = session();
    my ($audit) = proc_of_role($gate, 'audit');
    ok(command($m, $s, single(6, 1001, '81')) && answer($m, $s, single(7, 1001, '81')), 'selected');
    kill 'STOP', $audit;
    # Held: its record is not on disk.
    $m->send($m->i(single(6, 1001, '01')));
    is($m->until_asdu(qr/^2d0147/), single(0x47, 1001, '01'), 'refused in the end');
    $m->send($m->i(single(6, 1002, '01')));
    is($m->until_asdu(qr/^2d0147/), single(0x47, 1002, '01'), 'and so is what follows');
    kill 'CONT', $audit;
    is_deeply([ map { "$_->{ioa} $_->{outcome} $_->{why}" } closed($m, 1) ], ['1001 not-forwarded log-unavailable'], 'closed');
    my ($c) = closed($m, 1);
    my @seq = commands($m, 2);
    is("$c->{select_seq} $c->{command_seq}", "@seq", 'by the records of both commands');
    $m->close;
    of_session($m, 'session.close', 1);
};

subtest 'the session ends while its record is written' => sub {
    wait_record($dir, { event => 'log.monitor-only-off' });
    my ($m, $s) = session();
    my ($audit) = proc_of_role($gate, 'audit');
    kill 'STOP', $audit;
    $m->send($m->i(single(6, 1001, '01')));
    $m->close;
    ok($s->ended, 'the station sees the end');
    kill 'CONT', $audit;
    my ($seq) = commands($m, 1);
    is_deeply([ closed($m, 1) ], [ { outcome => 'not-forwarded', why => 'session-ended', %point, value => 1, command_seq => $seq } ], 'closed');
    my ($r) = of_session($m, 'op.not-forwarded', 1);
    is($r->{command_seq}, $seq, 'beside op.not-forwarded');
};

is(scalar(grep { $_->{event} eq 'log.gap' } records($dir)), 0, 'no record was lost');
stop_process($gate, 'TERM');
is_deeply([ log_faults($dir) ], [], 'the chain is whole');

done_testing;
