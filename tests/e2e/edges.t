#!/usr/bin/perl
# The edges of a session and of a start: what is held when its session ends, who may use up
# whose places, a signal to everybody, more addresses than one expects, an old TLS client.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use IO::Socket::INET;
use IO::Socket::SSL;
use Test::More;

my $pki = pki();
my $rtu = start_rtu();

sub one_route {
    my (%o) = @_;
    return start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], %o });
}

subtest 'a command that is held when its session ends' => sub {
    my $r = one_route();
    my ($audit) = proc_of_role($r->{gate}, 'audit');
    my $m = Raw104->connect_tls($r->{port}, $pki);
    ok($m->start, 'a session');
    kill 'STOP', $audit;
    $m->send($m->i($Raw104::SINGLE_ON));
    # Time for the gate to ask audit, which cannot be seen from here; if it was not enough,
    # the log will tell, and the check is skipped.
    select undef, undef, undef, 0.3;
    $m->close;
    select undef, undef, undef, 0.2;
    kill 'CONT', $audit;
    my $close = wait_record($r->{dir}, { event => 'session.close' });
    ok($close, 'the session is closed');
    my ($command) = grep { $_->{event} eq 'op.command' } records($r->{dir});
    my ($not) = grep { $_->{event} eq 'op.not-forwarded' } records($r->{dir});
  SKIP: {
        skip 'the master went before its command was read', 1 if !$command;
        is($not && $not->{command_seq}, $command->{command_seq}, 'and the log says that the command did not leave');
    }
    is(scalar(grep { /^2d/ } asdus_received(json_lines(slurp($rtu->{out})))), 0, 'the RTU has not seen it');
};

subtest 'who has not authenticated uses up no place' => sub {
    my $r = one_route(max_sessions => 1);
    my @idle;
    for my $from (qw(127.0.0.2 127.0.0.3)) {
        push @idle, map { IO::Socket::INET->new(LocalAddr => $from, PeerAddr => '127.0.0.1', PeerPort => $r->{port}) // () } 1 .. 4;
    }
    is(scalar @idle, 8, 'eight connections say nothing');
    my $m = run_master($r->{port}, tls_client($pki), 'gi');
    is($m->{status}, 0, 'the master is served') or diag $m->{err};
};

subtest 'TLS 1.2 without the extended master secret' => sub {
    my $r = one_route();
    my $c = IO::Socket::SSL->new(
        PeerAddr => '127.0.0.1', PeerPort => $r->{port}, SSL_version => 'TLSv1_2', SSL_verify_mode => SSL_VERIFY_NONE,
        SSL_cert_file => "$pki/master.crt", SSL_key_file => "$pki/master.key",
        SSL_create_ctx_callback => sub { Net::SSLeay::CTX_set_options($_[0], 1) }); # SSL_OP_NO_EXTENDED_MASTER_SECRET
    ok(wait_record($r->{dir}, { event => 'tls.handshake-failed', why => 'no-extended-master-secret' }), 'is refused, and the log says why');
    is(run_master($r->{port}, tls_client($pki), 'gi')->{status}, 0, 'the next session works');
    is(scalar(grep { $_->{event} eq 'system.process-died' } records($r->{dir})), 0, 'no process died of it');
};

subtest 'forty addresses' => sub {
    my @port = map { free_port() } 1 .. 40;
    my $dir  = write_config(routes => [ map { my $n = $_; +{
        name => "r$n", mode => 'protect-rtu', listen => [ map { "127.0.0.1:$port[$_]" } 10 * $n .. 10 * $n + 9 ],
        rtu => ["127.0.0.1:$rtu->{port}"] } } 0 .. 3 ]);
    my $gate = start_gate104($dir);
    is(scalar(grep { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_) } @port), 40, 'all are listened on');
    is(stop_process($gate, 'TERM'), 0, 'and let go of');
};

for my $signal (qw(INT TERM)) {
    subtest "SIG$signal to the whole process group" => sub {
        my $port = free_port();
        my $dir  = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
        my $p = spawn_process([ 'setsid', '--wait', bin('gate104d'), '-c', "$dir/gate104.conf" ], err => "$dir/gate104d.err");
        ok(wait_for_text("$dir/gate104d.err", qr/^gate104d: ready$/m), 'runs') or return;
        my ($monitor) = grep { slurp("/proc/$_/cmdline") =~ /gate104d/ } $p->{pid}, children_of($p->{pid});
        my $m = Raw104->connect_tls($port, $pki);
        ok($m->start, 'with a session');
        my ($group) = slurp("/proc/$monitor/stat") =~ /^\d+ \(.*\) \S \d+ (\d+)/;
        kill $signal, -$group;
        ok(wait_record($dir, { event => 'log.closed' }), 'the log is closed in order');
        is((grep { $_->{event} eq 'session.close' } records($dir))[0]{why}, 'shutdown', 'with the session');
        is(scalar(grep { $_->{event} eq 'system.stop' } records($dir)), 1, 'and the stop');
        stop_process($p);
    };
}
done_testing;
