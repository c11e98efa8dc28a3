#!/usr/bin/perl
# Gates that were taken over, beside one that was not: each owns the sessions and the
# station of its own route, and that is all.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Mole;
use Raw104;
use Test::More;

die "the mole is not built: make programs\n" if !-x bin('redteam/mole');
my $MOLES = 10;                                # gates 0 to 9; the last route is the witness's
my $pki   = pki();
my ($rtu, $far) = map { start_rtu() } 0, 1;
my @port  = map { free_port() } 0 .. $MOLES;
Mole::take_over(map { "gate-$_" } 0 .. $MOLES - 1);
my $dir = write_config(routes => [ map { { name => "r$_", record => 'pcapng', mode => 'protect-rtu', listen => ["127.0.0.1:$port[$_]"], rtu => [ '127.0.0.1:' . ($_ < $MOLES ? $rtu : $far)->{port} ] } } 0 .. $MOLES ]);
my $gate  = start_gate104($dir);
my @gate  = map { Mole->await("gate-$_") } 0 .. $MOLES - 1;
my ($ROUTE, $SESSION, $WHY, $DETAIL) = (2, 1, 19, 20);    # tags of a record
my ($COMMAND, $SYSTEM_STOP, $LOG_CLOSED, $OPERATOR) = (64, 2, 83, 14);
sub others { return join ' ', map { my $role = $_; map { "$role:$_" } sort { $a <=> $b } proc_of_role($gate, $role) } qw(broker signer audit) }

# ---- the witness: a session of the gate that is what it should be ----

my $witness = Raw104->connect_tls($port[$MOLES], $pki);
ok($witness->start, 'a session of another gate');
is($witness->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'in which commands go through');
my ($opened) = wait_record($dir, { event => 'session.open', from => "gate-$MOLES" });
my ($commands, $before) = (1, others());
sub witness_works { my ($what) = @_; $commands++; is($witness->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, "the other session works: $what") }

# A session of gate i, whose pair is heard: {m: master, id, pair}.
sub session_of {
    my ($i, %o) = @_;
    my $m = $gate[$i];
    my $master = Raw104->connect_tls($port[$i], $pki) or return undef;
    my $begun = $m->next($m->channel('broker-0'), type => 18) or return undef;
    my ($id, $route, $zero, $worker) = unpack 'Q S S L', $begun->{payload};
    my $s = { master => $master, id => $id, worker => $worker, pair => $begun->{fds}[0], mole => $m };
    $m->watch($s->{pair});
    return $s;
}

# ---- what it has: its own station, without a word to the log ----

my $own = session_of(0);
my $m   = $gate[0];
ok(defined $own, 'a gate that was taken over has its sessions');
ok(defined $m->next($own->{pair}, type => 32), 'and hears who its masters are');
$m->message($m->channel('broker-0'), 20, pack 'Q', $own->{id});
my $dialled = $m->next($m->channel('broker-0'), type => 21);
ok($dialled, 'it can have its station dialled');
my $station = $m->watch($dialled->{fds}[0]);
$m->raw($station, pack 'H*', '680407000000');
like(unpack('H*', $m->next($station)->{raw} // ''), qr/^68040b/, 'and speak to it as it likes, without a record: nothing but the gate itself holds that');
$m->message($own->{pair}, 36, pack 'H*', '680443000000');
ok(defined $own->{master}->until_apdu('680443000000'), 'and to its master');

# ---- octets for the worker that are no APDUs: that session ends, and no other ----

$m->message($own->{pair}, 36, "\x68\xff\0\0\0\0\0");
ok($own->{master}->ended, 'no APDUs to the worker: it ends the session');
$m->message($m->channel('broker-0'), 24, pack 'Q', $own->{id});
for my $odd ([ 'a message of the worker\'s own', Mole::packet(34, 'x' x 6) ], [ 'a message of no kind', Mole::packet(999, 'x') ], [ 'a length that is not so', pack('SS', 36, 400) . 'x' x 6 ], [ 'a descriptor', Mole::packet(36, pack 'H*', '680443000000'), [3] ]) {
    my ($what, $packet, $fds) = @$odd;
    my $s = session_of(0) or do { fail("$what: no session"); next };
    $m->raw($s->{pair}, $packet, fds => $fds);
    ok($s->{master}->ended, "$what to the worker: it ends the session");
    $m->message($m->channel('broker-0'), 24, pack 'Q', $s->{id});
}
witness_works('after lies to workers');

# ---- offences: each ends the gate, by name ----

my $earlier = 0;    # gates that were ended
my @turn    = (1 .. $MOLES - 1) x 4;
sub offence {
    my ($what, $act) = @_;
    my $i = shift @turn;
    my $name = "gate-$i";
    my $q = $gate[$i] //= Mole->await($name) or return fail("$what: no gate");
    $act->($q, $i);
    ok($q->gone, "$what: ends the gate");
    my $count = ++$earlier;
    ok(wait_record($dir, { event => 'system.process-died', process => $name }), "$what: and is in the log");
    $gate[$i] = undef;
    return;
}
my $forged = sub { my ($i, $event, %o) = @_; return Mole::record($event, { $ROUTE => \($o{route} // $i), $DETAIL => 'planted', %{ $o{with} // {} } }, $o{ticket}) };
my $to_broker = sub { $_[0]->channel('broker-0') };
my $to_audit = sub { $_[0]->channel('audit-0') };
my $their = $opened->{session};

offence('a dial for a session of others', sub { $_[0]->message($to_broker->($_[0]), 20, pack 'Q', $their) });
offence('the end of a session of others', sub { $_[0]->message($to_broker->($_[0]), 24, pack 'Q', $their) });
offence('a dial for no session', sub { $_[0]->message($to_broker->($_[0]), 20, pack 'Q', $their + 5000) });
offence('a second dial', sub { my ($q, $i) = @_; my $s = session_of($i); $q->message($to_broker->($q), 20, pack 'Q', $s->{id}) for 1, 2; $q->{keep} = $s });
offence('a session of its own making', sub { $_[0]->message($to_broker->($_[0]), 18, Mole::session($their + 1, $_[1]), fds => [3]) });
offence('its own control channel for the broker', sub { $_[0]->message($to_broker->($_[0]), 20, pack('Q', 1), fds => [3]) });
offence('half a message', sub { $_[0]->raw($to_broker->($_[0]), "\x14") });
offence('a record of another route', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $COMMAND, route => $MOLES)) });
offence('a record of a route that is none', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $COMMAND, route => 60000)) });
offence('a record of the monitor\'s', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $SYSTEM_STOP)) });
offence('a record of an operator', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $OPERATOR)) });
offence('a record of the log\'s own', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $LOG_CLOSED)) });
offence('a record about another process', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $COMMAND, with => { 22 => 'gate-99' })) });
offence('a record of no event', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], 60000)) });
offence('a record with a rest', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $COMMAND) . 'x') });
# An APDU for a recording: a head, the time and whose it is, octets.
my $recorded = sub { my ($route, %o) = @_; return pack('Q', 1) . Mole::endpoint() x 2 . pack('LLSS', 0, 0, $route, 0) . pack('QCCCC', 1, $o{leg} // 0, 0, $o{size} // 6, 0) . pack('H*', '680443000000') };
offence('an APDU for the recording of another route', sub { $_[0]->message($to_audit->($_[0]), 76, $recorded->($MOLES)) });
offence('an APDU of a route that is none', sub { $_[0]->message($to_audit->($_[0]), 76, $recorded->(60000)) });
offence('an APDU that is longer than its message', sub { $_[0]->message($to_audit->($_[0]), 76, $recorded->($_[1], size => 7)) });
offence('an APDU of a third leg', sub { $_[0]->message($to_audit->($_[0]), 76, $recorded->($_[1], leg => 2)) });
offence('an acknowledgement', sub { $_[0]->message($to_audit->($_[0]), 65, pack 'Q C x7', 1, 1) });
offence('a record with a descriptor', sub { $_[0]->message($to_audit->($_[0]), 64, $forged->($_[1], $COMMAND), fds => [3]) });
offence('records whose acknowledgements it does not read', sub {
    my ($q, $i) = @_;
    $q->deaf($to_audit->($q));
    # More than its socket and audit's queue hold.
    my $n = 0;
    wait_until(sub { !defined $q->message($to_audit->($q), 64, $forged->($i, $COMMAND, ticket => ++$n, with => { $SESSION => \1 }), times => 20) }, 20);
});
offence('ready again', sub { $_[0]->message(3, 6, '') });
offence('sessions of another gate', sub { $_[0]->message(3, 81, pack('L S C C Q6', 1, $MOLES, 3, 0, 1, (0) x 5) . Mole::endpoint() x 2 . "\0" x 368) });
offence('more sessions than were asked for', sub { $_[0]->message(3, 82, pack 'L C4', 0, 2, 0, 0, 0) });
offence('a record for the monitor', sub { $_[0]->message(3, 64, $forged->($_[1], $COMMAND)) });
offence('an accusation of audit', sub { $_[0]->message(3, 7, pack 'C C S L', 5, 1, 65, 0) });
offence('an accusation of the broker', sub { $_[0]->message(3, 7, pack 'C C S L', 1, 1, 18, 0) });
offence('an accusation of another gate', sub { $_[0]->message(3, 7, pack 'C C S L', 3, 1, 18, $MOLES) });
offence('an accusation of nobody', sub { $_[0]->message(3, 7, pack 'C C S L', 99, 1, 18, 0) });
offence('a channel', sub { $_[0]->message(3, 3, pack('C x3 L', 5, 0), fds => [3]) });
witness_works('after offences');
is(others(), $before, 'broker, signer and audit were not ended');

# ---- accusations of workers: it may end none but its own ----

sub accuse { my ($q, $id) = @_; return $q->message(3, 7, pack 'C C S L', 2, 1, 34, $id) }
accuse($m, $_) for 0 .. 40;
witness_works('after every worker was accused');
my $mine = session_of(0);
accuse($m, $mine->{worker});
ok($mine->{master}->ended, 'a worker of its own it may end');
accuse($m, 900_000 + $_) for 1 .. 2000;
witness_works('after a flood of accusations');
cmp_ok(scalar(grep { $_->{event} eq 'system.ipc-violation' && ($_->{detail} // '') =~ /gate-0 says/ } records($dir)), '<', 400, 'which does not fill the log');

# ---- floods ----

my $sent = 0;
for my $round (1 .. 40) {
    $sent += $m->message($to_audit->($m), 64, $forged->(0, $COMMAND, with => { $SESSION => \$_ }), times => 500) for 1 .. 5;
    $m->message(3, 9, 'gate-10: planted line', times => 200);
    $m->message(3, 81, pack('L S C C Q6', 77, 0, 3, 0, $round, (0) x 5) . Mole::endpoint() x 2 . "\0" x 368, times => 200);
    $m->message($to_broker->($m), 24, pack('Q', $_), times => 100) for 1;
    witness_works("in a flood, $round") if $round % 10 == 0;
}
wait_until(sub { $sent += $m->message($to_audit->($m), 64, $forged->(0, $COMMAND, with => { $SESSION => \1 }), times => 500); $sent > 5000 });
cmp_ok($sent, '>', 5000, 'a flood of records is taken');
ok(wait_until(sub { $sent == grep { $_->{event} eq 'op.command' && ($_->{detail} // '') eq 'planted' && $_->{from} eq 'gate-0' && $_->{route} eq 'r0' && $_->{seq} } records($dir) }, 30), 'and each of them is in the log, in its own name');
unlike(slurp($gate->{err}), qr/^gate-10: planted/m, 'a flood of lines is not in the name of another');

# ---- the rest of it ----

witness_works('to the end');
ok(kill(0, $gate->{pid}), 'the monitor is up');
is(others(), $before, 'broker, signer and audit are those of the start');
my ($mine_again) = proc_of_role($gate, 'tls');
ok($mine_again, 'and there are workers');
stop_process($gate, 'TERM');
my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
is($status, 0, 'the log is whole') or diag "$out$err";
my @all = records($dir);
is(join(' ', sort keys %{ { map { ($_->{from} => 1) } grep { ($_->{detail} // '') eq 'planted' } @all } }), join(' ', sort grep { my $f = $_; grep { $_->{from} eq $f && ($_->{detail} // '') eq 'planted' } @all } map { "gate-$_" } 0 .. $MOLES - 1), 'nothing planted is in the name of another process');
is(scalar(grep { ($_->{detail} // '') eq 'planted' && $_->{route} ne $_->{from} =~ s/gate-/r/r } @all), 0, 'or about another route');
is(scalar(grep { $_->{from} eq "gate-$MOLES" && $_->{event} eq 'op.command' } @all), $commands, 'no record of the other gate is lost');
my @reached = asdus_received(json_lines(slurp($far->{out})));
is(scalar(@reached), $commands, 'each of its commands reached its station');
is(join(' ', grep { !/^2d0106(?:00)?0100e90300/ } @reached), '', 'and nothing else did');
done_testing;
