#!/usr/bin/perl
# What a process needs only now and then, in its sandbox: new seed for the random
# generators, being stopped and continued; and what becomes of one that goes wrong by
# itself, where even its last words are forbidden.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

plan skip_all => 'sanitizer builds have no filter' if $BUILD =~ /-san$/;

my $pki  = pki();
my $rtu  = start_rtu();
my $port = free_port();
my $dir  = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);

# gate104d among programs of which some ($role => FILE) are others.
sub start_among {
    my ($name, %other) = @_;
    my $place = scratch() . "/$name";
    mkdir $place;
    run_command([ 'cp', bin('gate104d'), "$place/gate104d" ]);
    for my $role (qw(broker tls gate signer audit)) {
        $other{$role}
            ? run_command([ 'cp', bin($other{$role}), "$place/gate104-$role" ])
            : symlink bin("gate104-$role"), "$place/gate104-$role";
    }
    my $p = spawn_process([ "$place/gate104d", '-c', "$dir/gate104.conf" ], out => "$place/out", err => "$place/err");
    wait_until(sub { slurp($p->{err}) =~ /^gate104d: ready$/m || !alive($p) });
    return $p;
}

sub deaths { return grep { $_->{event} eq 'system.process-died' } records($dir) }

sub state_of { return slurp("/proc/$_[0]/status") =~ /^State:\s+(\w)/m ? $1 : '' }

# ---- seed ----
{
    my $p = start_among('seed', tls => 'contain/gate104-tls', signer => 'contain/gate104-signer');
    like(slurp($p->{err}), qr/^gate104d: ready$/m, 'tls and signer whose generators take new seed for each request') or diag slurp($p->{err});
    for my $version (qw(1.2 1.3)) {
        my $r = run_master($port, tls_client($pki), '--tls-min', $version, '--tls-max', $version, 'gi', 'single 1001 on accepted');
        is($r->{status}, 0, "TLS $version") or diag $r->{err};
    }
    is(stop_process($p, 'TERM'), 0, 'clean stop');
    is(join(' ', map { "$_->{process}: $_->{detail}" } deaths()), '', 'nobody died of it');
}

# ---- a long list of revoked certificates, while it runs ----
# To sort it, libc asks how much memory there is, once, and no table lets it; what libssl
# sorts at its start has asked before.
{
    my $p = start_gate104($dir);
    my $gone = join '', map { sprintf "R\t361120000000Z\t250101000000Z\t%X\tunknown\t/CN=gone %d\n", 0xFFFF - $_, $_ } 1 .. 2000;
    spew("$pki/index.txt", slurp("$pki/index.txt") . $gone);
    system("cd $pki && openssl ca -config ca.cnf -cert ca.crt -keyfile ca.key -gencrl -out ca.crl 2>/dev/null") == 0 or die 'no list';
    run_command([ bin('gate104'), '-s', "$dir/run/control", 'reload' ]);
    ok(wait_record($dir, { event => 'system.reload' }), 'a list of 2000');
    is(run_master($port, tls_client($pki), 'single 1001 on accepted')->{status}, 0, 'a session under it');
    is(stop_process($p, 'TERM'), 0, 'clean stop');
    is(join(' ', map { "$_->{process}: $_->{detail}" } deaths()), '', 'nobody died of it');
}

# ---- stopped and continued ----
{
    my $p = start_gate104($dir);
    my $m = Raw104->connect_tls($port, $pki);
    ok($m->start, 'a session');
    for my $pid (children_of($p->{pid})) {
        my $role = role_of($pid);
        kill 'STOP', $pid;
        ok(wait_until(sub { state_of($pid) =~ /^T/ }), "$role is stopped");
        kill 'CONT', $pid;
        ok(wait_until(sub { state_of($pid) =~ /^[RS]/ }), "$role goes on");
    }
    is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'commands go through');
    $m->close;

    # The one place where a process waits otherwise than in its loop: in a handshake, for
    # the signer.
    my ($signer) = proc_of_role($p, 'signer');
    kill 'STOP', $signer;
    my $master = spawn_process([ bin('gate104-sim'), 'master', '--connect', "127.0.0.1:$port", tls_client($pki), 'single 1001 on accepted' ]);
    my $poll   = 7;
    my $in_poll = sub { return (grep { slurp("/proc/$_/syscall") =~ /^$poll / } proc_of_role($p, 'tls'))[0] };
    SKIP: {
        skip 'not root', 2 if $> != 0;
        my $tls = wait_until($in_poll);
        ok($tls, 'a handshake waits for the signer') or skip 'none waits', 1;
        kill 'STOP', $tls;
        wait_until(sub { state_of($tls) =~ /^T/ });
        kill 'CONT', $tls;
        ok(wait_until(sub { state_of($tls) =~ /^S/ }), 'stopped and continued, it waits on');
    }
    kill 'CONT', $signer;
    is(stop_process($master), 0, 'and the session comes to be');
    is(stop_process($p, 'TERM'), 0, 'clean stop');
    is(join(' ', map { "$_->{process}: $_->{detail}" } deaths()), '', 'nobody died of it');
}

# ---- faults ----
my $FORBIDDEN = 'killed by the sandbox: system call';
for my $case ([ 'assert', qr/^$FORBIDDEN \d+ \(writev?\)$/, 'a failed assertion' ],
              [ 'abort',  qr/^$FORBIDDEN \d+ \((?:rt_sigprocmask|gettid)\)$/, 'giving up' ],
              [ 'smash',  qr/^$FORBIDDEN \d+ \(writev?\)$/, 'a smashed stack' ],
              [ 'free',   qr/^$FORBIDDEN \d+ \(writev?\)$/, 'a heap in disorder' ],
              [ 'fault',  qr/^ended by signal 11$/, 'an address that is none' ],
              [ 'write',  qr/^$FORBIDDEN 1 \(write\)$/, 'a word of its own' ]) {
    my ($how, $end, $what) = @$case;
    my $p = start_among($how, gate => 'contain/stray');
    my $n = deaths();
    my $asks = spawn_process([ bin('gate104'), '-s', "$dir/run/control", 'sessions' ]); # and would wait
    wait_until(sub { deaths() > $n });
    stop_process($asks, 'TERM');
    my $r = (deaths())[$n];
    is($r->{process}, 'gate-0', "$what: the gate dies");
    like($r->{detail}, $end, 'of what the log says');
    like(slurp($p->{err}), qr/^gate104d: gate-0 \Q$r->{detail}\E/m, 'the operator is told the same');
    is(stop_process($p, 'TERM'), 0, 'the others go on until they are stopped');
}

done_testing;
