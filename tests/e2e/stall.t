#!/usr/bin/perl
# Peers that stop in the middle of something, vanish without a word, or do not read: each
# costs a bounded time and a bounded memory, no CPU, and ends with a record and both legs
# closed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;
use Time::HiRes qw(sleep);

my $pki = pki();

# What supervision there is shall be short: t1 for what was begun, t1 + t3 and two seconds
# for silence.  Long enough to look at those who do not read before they are given up.
my @short = (t1 => 2, t2 => 1, t3 => 1);
my %longer = (deaf => [ t1 => 8, t2 => 1, t3 => 1 ], flood => [ t1 => 8, t2 => 1, t3 => 1 ], lots => [ t1 => 2, t2 => 1, t3 => 4 ]);

my $sim  = start_rtu('--rate', 3, '--event-types', 1);
my $lots = start_rtu('--count', 100_000, '--event-types', 33);
my %hand = map { $_ => Raw104->listener(receive_buffer => 4096) } qw(half silent deaf flood proud);
my @names = qw(sim lots half silent deaf flood proud);
my %port  = map { $_ => free_port() } @names;
my %to    = (sim => $sim->{port}, lots => $lots->{port}, map { $_ => $hand{$_}{port} } keys %hand);
my %route;
@route{@names} = 0 .. $#names;
my $dir = write_config(
    limits => 'handshake = 2; handshakes_per_source = 32; ',
    routes => [ map { { name => $_, mode => 'protect-rtu', listen => [ ($_ eq 'sim' ? '0.0.0.0' : '127.0.0.1') . ":$port{$_}" ],
                        rtu => ["127.0.0.1:$to{$_}"], @{ $longer{$_} // \@short } } } @names ]);
my $gate = start_gate104($dir);

sub gate_of { my ($name) = @_; return (grep { role_of($_) eq "gate-$route{$name}" } children_of($gate->{pid}))[0] }

sub end_of {
    my ($port, $seconds) = @_;
    my $end;
    wait_until(sub { ($end) = grep { $_->{event} =~ /close|failed/ } records_of_client($dir, $port) }, $seconds // 15);
    return $end // {};
}

sub events { return join ' ', map { $_->{event} } @_ }

# Both stations of a session, STARTDT done.
sub both {
    my ($name, %o) = @_;
    my $m = Raw104->connect_tls($port{$name}, $pki, %o);
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($hand{$name});
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die "$name: no session";
    return ($m, $s);
}

# ---- all of them begin ----

my %idle_kb = map { $_ => memory_kb(gate_of($_)) } @names;

my $mute = Raw104->connect($port{sim});
my $half_hello = Raw104->connect($port{sim});
$half_hello->send('16030100c8010000c40303' . '5a' x 60);

my $half = Raw104->connect_tls($port{sim}, $pki);
$half->start or die 'no session';
$half->send(substr $half->i($Raw104::SINGLE_ON), 0, 14);

my ($half_m, $half_s) = both('half');
$half_s->send(substr $half_s->i($Raw104::SINGLE_CON), 0, 14);

my ($silent_m, $silent_s) = both('silent');

# This master never acknowledges the answer to the command that is refused.
my ($proud_m, $proud_s) = both('proud');
$proud_m->send($proud_m->i('2d010600010001080001'));

my $stopped = spawn_process([ bin('gate104-sim'), 'master', '--json', '--connect', "127.0.0.1:$port{sim}", tls_client($pki) ]);
wait_for_text($stopped->{out}, qr/STARTDT con/) or die 'no session';
kill 'STOP', $stopped->{pid};
my ($stopped_port) = map { $_->{source} =~ /:(\d+)$/ } (grep { $_->{event} eq 'session.open' && $_->{route} eq 'sim' } records($dir))[-1];

# A master in a network namespace whose cable is cut.
my ($space, $cut_record);
my $cable = 'g104h' . $$ % 100_000;
my $net   = '198.18.' . $$ % 256;

sub cable {
    return "needs root" if $> != 0;
    return "no $_->[0]" for grep { (run_command([ $_->[0], $_->[1] ]))[0] == 127 } [ 'ip', '-V' ], [ 'nsenter', '-V' ], [ 'unshare', '-V' ];
    $space = spawn_process([ 'unshare', '-n', 'sleep', '60' ]);
    my $mine = readlink '/proc/self/ns/net';
    wait_until(sub { my $its = readlink("/proc/$space->{pid}/ns/net") // ''; $its ne '' && $its ne $mine && slurp("/proc/$space->{pid}/comm") =~ /sleep/ }, 3)
        or return 'no network namespaces here';
    my @in = ('nsenter', '-t', $space->{pid}, '-n');
    for my $cmd ([ 'ip', 'link', 'add', $cable, 'type', 'veth', 'peer', 'name', 'far', 'netns', $space->{pid} ],
        [ 'ip', 'addr', 'add', "$net.1/30", 'dev', $cable ], [ 'ip', 'link', 'set', $cable, 'up' ],
        [ @in, 'ip', 'addr', 'add', "$net.2/30", 'dev', 'far' ], [ @in, 'ip', 'link', 'set', 'far', 'up' ]) {
        my ($status, undef, $err) = run_command($cmd);
        return "no virtual cable here: $err" if $status != 0;
    }
    my $m = spawn_process([ @in, bin('gate104-sim'), 'master', '--json', '--connect', "$net.1:$port{sim}", tls_client($pki) ]);
    wait_for_text($m->{out}, qr/STARTDT con/) or return 'no session over the cable: ' . slurp($m->{out});
    ($cut_record) = grep { ($_->{source} // '') =~ /^\Q$net\E\.2:/ } records($dir);
    run_command([ 'ip', 'link', 'del', $cable ]);
    return '';
}
my $no_cable = cable();
END {
    # Its status is not the status of the test.
    local $?;
    system "ip link del $cable 2>/dev/null" if $> == 0 && defined $no_cable;
}

# ---- who does not read ----

# An RTU that reads nothing while the master sends all it can.
my ($deaf_m, $deaf_s) = both('deaf');
my $flood = pack('H*', $Raw104::TESTFR_ACT) x 5_000_000;
my $deaf_sent = $deaf_m->send_until_full($flood);

# A master that reads nothing: while an RTU sends all it can of what k does not count, and
# while one that keeps to k has much to say.
my ($flood_m, $flood_s) = both('flood', receive_buffer => 4096);
my $flood_sent = $flood_s->send_until_full($flood);
my $lots_m = Raw104->connect_tls($port{lots}, $pki, receive_buffer => 4096);
$lots_m->send($Raw104::STARTDT_ACT);

# The processes that have had more than a fifth of the CPU in a second.
sub spinning {
    my @pids = children_of($gate->{pid});
    my %cpu = map { $_ => cpu_seconds($_) } @pids;
    sleep 1;
    return map { sprintf '%s %.2f s', role_of($_), cpu_seconds($_) - $cpu{$_} } grep { cpu_seconds($_) - $cpu{$_} > 0.2 } @pids;
}

subtest 'nobody is served and nobody spins' => sub {
    is(join(' ', spinning()), '', 'in one second of stall no process needs a fifth of it');
    my @open = map { grep { $_->{event} eq 'session.close' } records_of_client($dir, $_->{port}) } $deaf_m, $flood_m, $lots_m;
    is(scalar @open, 0, 'all three sessions are still there');
    cmp_ok($deaf_sent, '<', length $flood, 'the master that floods is held');
    cmp_ok($flood_sent, '<', length $flood, 'the RTU that floods is held');
    my @sent = grep { $_->{event} eq 'apdu' && $_->{sent} && $_->{frame} eq 'I' } json_lines(slurp($lots->{out}));
    is(scalar @sent, 12, 'the RTU that keeps to k is held by it');
SKIP: {
        skip 'a sanitizer keeps what is freed', 2 if $BUILD =~ /-san$/;
        my @large = map { my $kb = memory_kb(gate_of($_)) - $idle_kb{$_}; $kb > 1024 ? "$_: $kb kB" : () } qw(deaf flood lots);
        is("@large", '', 'no gate has grown by a megabyte');
        my @kb = sort { $a <=> $b } map { memory_kb($_) } proc_of_role($gate, 'tls');
        cmp_ok($kb[-1] - $kb[0], '<', 3072, 'no tls process is three megabytes above an idle one');
    }
};

# ---- all of them end ----

for my $c ([ 'nothing after the connection', $mute ], [ 'half a handshake', $half_hello ]) {
    my ($what, $m) = @$c;
    subtest "$what, then silence" => sub {
        my $end = end_of($m->{port});
        is("$end->{event} $end->{why}", 'tls.handshake-failed handshake-timeout', 'ends after its time');
        is(scalar(records_of_client($dir, $m->{port})), 1, 'with one record');
        ok($m->ended, 'closed');
    };
}

subtest 'half an APDU of the master, then silence' => sub {
    my $end = end_of($half->{port});
    is("$end->{why} $end->{leg}", 'partial-timeout master', 'ends after t1');
    my @r = records_of_client($dir, $half->{port});
    is(events(@r), 'session.open session.startdt apci.malformed session.close', 'with one record');
    is($r[2]{reason}, 'partial-timeout', 'which says why');
    is($r[2]{apdu}, substr(Raw104::i_frame($Raw104::SINGLE_ON, 0, 0), 0, 14), 'and what had come');
    cmp_ok($end->{duration_ms}, '>=', 2000, 'not before t1');
    ok($half->ended, 'closed');
};

subtest 'half an APDU of the RTU, then silence' => sub {
    my $end = end_of($half_m->{port});
    is("$end->{why} $end->{leg}", 'partial-timeout station', 'ends after t1');
    is(events(records_of_client($dir, $half_m->{port})), 'session.open session.startdt apci.malformed session.close', 'with one record');
    ok($half_m->ended && $half_s->ended, 'both legs are closed');
};

subtest 'an RTU that says nothing' => sub {
    # The master keeps talking; the RTU never answers.
    my $end;
    wait_until(sub { $silent_m->send($Raw104::TESTFR_ACT); $end = end_of($silent_m->{port}, 0.2); %$end });
    is("$end->{why} $end->{leg}", 'station-silent station', 'is given up');
    is(events(records_of_client($dir, $silent_m->{port})), 'session.open session.startdt session.close', 'with one record');
    cmp_ok($end->{duration_ms}, '>=', 3000, 'not before t1 and t3');
    ok($silent_m->ended && $silent_s->ended, 'both legs are closed');
};

subtest 'a master that does not acknowledge a refusal' => sub {
    # Both stations keep talking; the RTU was never told of the command.
    my $end;
    wait_until(sub { $_->send($Raw104::TESTFR_ACT) for $proud_m, $proud_s; $end = end_of($proud_m->{port}, 0.2); %$end });
    is("$end->{why} $end->{leg}", 'master-t1 master', 'is given up');
    is(events(records_of_client($dir, $proud_m->{port})), 'session.open session.startdt policy.refused session.close', 'with one record');
    cmp_ok($end->{duration_ms}, '>=', 2000, 'not before t1');
    ok($proud_m->ended && $proud_s->ended, 'both legs are closed');
};

subtest 'a master that is stopped' => sub {
    my $end = end_of($stopped_port);
    is("$end->{why} $end->{leg}", 'master-silent master', 'is given up');
    cmp_ok($end->{duration_ms}, '>=', 3000, 'not before t1 and t3');
    kill 'CONT', $stopped->{pid};
    isnt(stop_process($stopped), undef, 'it finds its connection closed');
};

SKIP: {
    skip "cut cable: $no_cable", 1 if $no_cable ne '';
    subtest 'a master behind a cable that is cut' => sub {
        my ($port) = $cut_record->{source} =~ /:(\d+)$/;
        my $end = end_of($port);
        is("$end->{why} $end->{leg}", 'master-silent master', 'is given up');
        is(events(records_of_client($dir, $port)), 'session.open session.startdt session.close', 'with one record');
    };
}

# None of these masters has read anything yet.
for my $c ([ 'an RTU that does not read', 'station-stuck station', $deaf_m, $deaf_s ], [ 'a master that does not read', 'master-stuck master', $flood_m, $flood_s ],
    [ 'a master that does not read, and an RTU that keeps to k', 'master-silent master', $lots_m ]) {
    my ($what, $why, $m, $s) = @$c;
    subtest $what => sub {
        my $end = end_of($m->{port});
        is("$end->{why} $end->{leg}", $why, 'is given up');
        is(events(records_of_client($dir, $m->{port})), 'session.open session.startdt session.close', 'with one record');
        ok($s->ended, 'the RTU is let go') if $s;
    };
}

is(join(' ', spinning()), '', 'nor do they spin once the gate has given them up');
ok(wait_until(sub { proc_of_role($gate, 'tls') == 2 }), 'the tls processes of all these sessions have ended, though nobody read their last words');
ok($_->ended, 'the master is let go') for $deaf_m, $lots_m, $flood_m;

is(run_master($port{sim}, tls_client($pki), 'single 1001 on accepted')->{status}, 0, 'the next session works');

is(scalar(grep { $_->{event} =~ /process-died|ipc-violation/ } records($dir)), 0, 'no process of gate104 was hurt');
is(stop_process($gate, 'TERM'), 0, 'clean stop');
is(join("\n", log_faults($dir)), '', 'the chain of the log holds');
done_testing();
