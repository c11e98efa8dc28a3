#!/usr/bin/perl
# A broker that was taken over, in the midst of the rest of gate104 as it is.  It has every
# connection in its hands: what it can is shown here, too, beside what it cannot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Mole;
use Raw104;
use Test::More;

die "the mole is not built: make programs\n" if !-x bin('redteam/mole');
my $ROUTES = 10;    # the last one is the witness's
my $LAST   = $ROUTES - 1;
my $pki    = pki();
my ($rtu, $far) = map { start_rtu() } 0, 1;
my @port = map { free_port() } 0 .. $LAST;
Mole::take_over('broker');
my $dir = write_config(routes => [ map { { name => "r$_", mode => 'protect-rtu', listen => ["127.0.0.1:$port[$_]"], rtu => [ '127.0.0.1:' . ($_ < $LAST ? $rtu : $far)->{port} ] } } 0 .. $LAST ]);
my $gate = start_gate104($dir);
my $broker    = Mole->await('broker');
my ($SETUP, $GATE, $DIALLED) = (16, 18, 21);    # TLS_SESSION, GATE_SESSION_TLS, DIALED_PLAIN
my ($last, %used) = (1000);
sub standing { return join ' ', map { my $role = $_; map { "$role:$_" } sort { $a <=> $b } proc_of_role($gate, $role) } qw(signer audit) }
sub gate_fd { return $broker->channel("gate-$_[0]") }
# A worker that has no session yet: "tls-7".
sub worker {
    return wait_until(sub {
        $broker->hear(0.1);
        my ($name) = sort grep { /^tls/ && !$used{$_} } keys %{ $broker->{fd} };
        $used{$name} = 1 if $name;
        return $name;
    });
}
sub id_of { return $_[0] =~ /-(\d+)/ ? $1 : die }
# What an honest broker says before it gives a session away.
sub taken { my ($worker, $gate) = @_; return $broker->message(3, 8, pack 'LL', id_of($worker), $gate) }

# A client of route i, in the broker's hands: {client, tcp}.
sub client {
    my ($i) = @_;
    my $c = Raw104->connect($port[$i]);
    return { client => $c, tcp => $broker->accept_on($broker->{listener}[$i])->[0] };
}
# Gives it to a worker as a session of a route; the other end of the pair stays here.
sub to_worker {
    my ($c, $id, $route, $worker) = @_;
    my ($x, $y) = $broker->pair;
    $broker->message($broker->channel($worker), $SETUP, Mole::session($id, $route), fds => [ $c->{tcp}, $x ]);
    $broker->close($_) for $x, $c->{tcp};
    return $y;
}
sub to_gate {
    my ($i, $id, $fd, %o) = @_;
    my $sent = $broker->message(gate_fd($i), $GATE, Mole::session($id, $o{route} // $i, worker => $o{worker} // 0), fds => [$fd]);
    $broker->close($fd) if !$o{keep};
    return $sent;
}
# A session as it should be.
sub honest {
    my ($i) = @_;
    my ($c, $worker, $id) = (client($i), worker(), ++$last);
    taken($worker, $i);
    to_gate($i, $id, to_worker($c, $id, $i, $worker), worker => id_of($worker));
    $c->{client}->secure($pki) or return undef;
    my $asked = $broker->next(gate_fd($i), type => 20) or return undef;
    my ($station) = $broker->dial(($i < $LAST ? $rtu : $far)->{port});
    $broker->message(gate_fd($i), $DIALLED, Mole::session($id, $i, endpoint => Mole::endpoint($far->{port})), fds => [$station]);
    $broker->close($station);
    $c->{client}->start or return undef;
    return { %$c, id => $id, worker => $worker };
}

my $witness = honest($LAST);
ok($witness, 'it may still do what it should: a session');
my $commands = 0;
sub witness_works { my ($what) = @_; $commands++; is($witness->{client}->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, "the other session works: $what") }
witness_works('at first');
my $before = standing();

# ---- joining what does not belong together ----

sub joined_wrongly {
    my ($what, $first, $second) = @_;    # [ route of the client, route of the gate ]
    my @route = ($first->[0], $second->[0]);
    my @c  = map { client($_) } @route;
    my @id = map { ++$last } @route;
    my @w  = map { worker() } @route;
    taken($w[$_], $_ ? $second->[1] : $first->[1]) for 0, 1;
    my @fd = map { to_worker($c[$_], $id[$_], $route[$_], $w[$_]) } 0, 1;
    # The first gate gets the second worker, and the other way round.
    to_gate($route[$_], $id[$_], $fd[ 1 - $_ ], worker => id_of($w[ 1 - $_ ])) for 0, 1;
    $_->{client}->secure($pki) for @c;
    ok($_->{client}->ended, "$what: the session ends") for @c;
    for my $i (0, 1) {
        my ($gate_name, $other) = ("gate-$route[$i]", $w[ 1 - $i ]);
        my $r = wait_record($dir, { event => 'system.ipc-violation', detail => qr/^$gate_name says that $other sent message 32: / });
        ok($r, "$what: and is in the log");
    }
    my $asked = $broker->next(gate_fd($route[0]), type => 20, seconds => 0);
    is($asked, undef, "$what: no station is dialled for it");
}
joined_wrongly('pairs of two routes swapped', [ 0, 1 ], [ 1, 0 ]);
joined_wrongly('pairs of one route swapped', [ 0, 0 ], [ 0, 0 ]);
witness_works('after pairs were swapped');

# ---- what it can: stand between a worker and a gate, and say what the policy allows ----

{
    my ($c, $worker, $id) = (client(0), worker(), ++$last);
    taken($worker, 0);
    my $tls = $broker->watch(to_worker($c, $id, 0, $worker));
    my ($mine, $its) = $broker->pair;
    $broker->watch($mine);
    to_gate(0, $id, $its, worker => id_of($worker));
    $c->{client}->secure($pki);
    $broker->raw($mine, $broker->next($tls, type => 32)->{raw});
    ok($broker->next(gate_fd(0), type => 20), 'a pair of its own between worker and gate: the identity is passed on');
    my ($station) = $broker->dial($rtu->{port});
    $broker->message(gate_fd(0), $DIALLED, Mole::session($id, 0, endpoint => Mole::endpoint($far->{port})), fds => [$station]);
    $broker->close($station);
    my $answer = sub {
        my ($hex, $want) = @_;
        $broker->message($mine, 34, pack 'H*', $hex);
        while (my $m = $broker->next($mine, type => 36)) {
            return 1 if unpack('H*', $m->{payload}) =~ $want;
        }
        return 0;
    };
    ok($answer->('680407000000', qr/68040b/), 'it can command in the name of that peer');
    ok($answer->(Raw104::i_frame('2d0106000100e9030001', 0, 0), qr/2d0107000100e90300/), 'what the policy allows');
    ok($answer->(Raw104::i_frame('2d010600010088130001', 1, 0), qr/2d014[4-7]00010088130/), 'and not what it does not allow');
    ok(wait_record($dir, { event => 'op.command', session => $id, from => 'gate-0' }), 'with a record of what was done');
    ok(wait_record($dir, { event => 'policy.refused', session => $id, from => 'gate-0' }), 'and of what was refused');
    $broker->close($_) for $mine, $tls;
}

# ---- workers: each offence ends the worker it was done to, and no session ever has two ----

sub to_the_worker {
    my ($what, $act) = @_;
    my $worker = worker();
    taken($worker, 0);
    my $fd = $broker->channel($worker);
    my ($pid) = grep { role_of($_) eq $worker } children_of($gate->{pid});
    my ($x, $y) = $broker->pair;
    my $c = client(0);
    $act->($fd, $c->{tcp}, $x, $y);
    ok(wait_until(sub { !kill 0, $pid }), "$what: ends the worker");
    ok(wait_record($dir, { event => 'system.ipc-violation', detail => qr/$worker says that broker-0/ }), "$what: and is in the log");
    $broker->close($_) for $x, $y, $c->{tcp};
}
my $session = sub { Mole::packet($SETUP, Mole::session(++$last, $_[0] // 0)) };
to_the_worker('a file for a connection', sub { $broker->raw($_[0], $session->(), fds => [ 2, $_[2] ]) });
to_the_worker('its loop for a connection', sub { $broker->raw($_[0], $session->(), fds => [ 4, $_[2] ]) });
to_the_worker('a pair for a connection', sub { $broker->raw($_[0], $session->(), fds => [ $_[3], $_[2] ]) });
to_the_worker('a connection for a pair', sub { $broker->raw($_[0], $session->(), fds => [ $_[1], $_[1] ]) });
to_the_worker('a connection alone', sub { $broker->raw($_[0], $session->(), fds => [ $_[1] ]) });
to_the_worker('one descriptor too many', sub { $broker->raw($_[0], $session->(), fds => [ $_[1], $_[2], $_[1] ]) });
to_the_worker('no descriptors', sub { $broker->raw($_[0], $session->()) });
to_the_worker('a route of nobody', sub { $broker->raw($_[0], $session->(60000), fds => [ $_[1], $_[2] ]) });
to_the_worker('a message of the gate', sub { $broker->message($_[0], 36, 'x' x 6) });
to_the_worker('a signature', sub { $broker->message($_[0], 49, 'x' x 1032) });
to_the_worker('a second session', sub { $broker->raw($_[0], $session->(), fds => [ $_[1], $_[2] ]) for 1, 2 });
to_the_worker('a listening socket for a connection', sub { $broker->raw($_[0], $session->(), fds => [ $broker->{listener}[0], $_[2] ]) });
witness_works('after lies to workers');

# ---- gates: a broker is believed less than a gate by nobody, so it can end gates ----

my $turn = 0;
sub to_the_gate {
    my ($what, $act) = @_;
    my $i = $turn++ % $LAST;
    my $fd = gate_fd($i);
    my ($pid) = grep { role_of($_) eq "gate-$i" } children_of($gate->{pid});
    $act->($fd, $i);
    ok(wait_until(sub { !kill 0, $pid }), "$what: ends the gate, and its route's sessions");
    ok(wait_record($dir, { event => 'system.ipc-violation', process => "gate-$i", detail => qr/gate-$i says that broker-0 sent message/ }), "$what: and is in the log");
    delete $broker->{fd}{"gate-$i"};
}
my $begin = sub { my ($route, %o) = @_; return Mole::packet($GATE, Mole::session(++$last, $route, %o)) };
my ($x, $y) = $broker->pair;
my $conn = client(0)->{tcp};
to_the_gate('a connection for a pair', sub { $broker->raw($_[0], $begin->($_[1]), fds => [$conn]) });
to_the_gate('a file for a pair', sub { $broker->raw($_[0], $begin->($_[1]), fds => [2]) });
to_the_gate('no descriptor', sub { $broker->raw($_[0], $begin->($_[1])) });
to_the_gate('the same descriptor twice', sub { $broker->raw($_[0], $begin->($_[1]), fds => [ $x, $x ]) });
to_the_gate('a route of another gate', sub { $broker->raw($_[0], $begin->($LAST), fds => [$x]) });
to_the_gate('a session with a rest', sub { $broker->raw($_[0], $begin->($_[1], zero => 1), fds => [$x]) });
to_the_gate('a session from nowhere', sub { $broker->raw($_[0], $begin->($_[1], endpoint => "\x09" x 20), fds => [$x]) });
to_the_gate('a session twice', sub { my $p = $begin->($_[1]); $broker->raw($_[0], $p, fds => [$x]) for 1, 2 });
to_the_gate('a station that was not asked for', sub { my ($fd, $i) = @_; $broker->raw($fd, $begin->($i), fds => [$x]); $broker->message($fd, $DIALLED, Mole::session($last, $i), fds => [$conn]) });
to_the_gate('an acknowledgement of audit', sub { $broker->message($_[0], 65, pack 'Q C x7', 1, 1) });
to_the_gate('an order of the monitor', sub { $broker->message($_[0], 84, pack 'S C C', $_[1], 0, 0) });
witness_works('after lies to gates');

# ---- what it can: be the station's master ----

my ($direct) = $broker->dial($rtu->{port});
$broker->watch($direct);
$broker->raw($direct, pack 'H*', '680407000000');
like(unpack('H*', $broker->next($direct)->{raw} // ''), qr/^68040b/, 'it can speak to a station itself: nothing but the broker itself holds that');
my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
my $free = $listener->sockport;
SKIP: {
    my ($lacks) = slurp($gate->{err}) =~ /without: .*landlock-network/;
    skip 'no Landlock for the network here', 1 if $lacks;
    my (undef, $error) = $broker->dial($free);
    is($error, 13, 'but dials no port that is not in the configuration');
}

# ---- the log, and accusations ----

my $planted = sub { my ($event, %f) = @_; return Mole::record($event, { 20 => 'planted', %f }) };
sub ends_it {
    my ($what, $act) = @_;
    $act->();
    ok($broker->gone, "$what: ends it");
    ok(wait_until(sub { grep { $_->{event} eq 'system.ipc-violation' && $_->{process} eq 'broker-0' } records($dir) }), "$what: and is in the log");
    $broker = Mole->await('broker');
    ok($broker && defined $broker->channel('audit-0'), "$what: the next one is there");
}
ends_it('a command in the log', sub { $broker->message($broker->channel('audit-0'), 64, $planted->(64, 2 => \0)) });
ends_it('an end of gate104 in the log', sub { $broker->message($broker->channel('audit-0'), 64, $planted->(2)) });
ends_it('an accusation of audit', sub { $broker->message(3, 7, pack 'C C S L', 5, 1, 65, 0) });
my $sent = 0;
wait_until(sub { $sent += $broker->message($broker->channel('audit-0'), 64, $planted->(16, 2 => \0, 19 => 'a test'), times => 500); $sent > 2000 });
$broker->message(3, 8, pack('LL', $_, 0)) for 900_000 .. 901_000;
$broker->message(3, 7, pack('C C S L', 2, 1, 34, $_)) for 900_000 .. 901_000;
cmp_ok($sent, '>', 2000, 'a flood of records of its own is taken');
ok(wait_until(sub { $sent == grep { ($_->{detail} // '') eq 'planted' } records($dir) }), 'and each of them is in the log');

# ---- the rest of it ----

witness_works('to the end, without the broker that made it');
ok(kill(0, $gate->{pid}), 'the monitor is up');
is(standing(), $before, 'signer and audit were not ended');
stop_process($gate, 'TERM');
my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
is($status, 0, 'the log is whole') or diag "$out$err";
my @all = records($dir);
is(join(' ', sort keys %{ { map { ("$_->{from} $_->{event}" => 1) } grep { ($_->{detail} // '') eq 'planted' } @all } }), 'broker-0 session.open-failed', 'what was planted is in its own name, and of its own work');
is(scalar(grep { $_->{from} eq "gate-$LAST" && $_->{event} eq 'op.command' } @all), $commands, 'no record of the other session is lost');
my @reached = asdus_received(json_lines(slurp($far->{out})));
is(scalar(@reached), $commands, 'each of its commands reached its station');
is(join(' ', grep { !/^2d0106(?:00)?0100e90300/ } @reached), '', 'and nothing else did');
done_testing;
