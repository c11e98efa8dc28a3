#!/usr/bin/perl
# Start and stop: the processes are those the README names, each with what it needs and no
# more; a stop in order leaves nothing behind but a whole log; a start that fails says why.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use IO::Socket::INET;
use Test::More;

my $root = $> == 0;
my $sanitized = $BUILD =~ /-san$/;
my $pki  = pki();
my $rtu  = start_rtu();
my %port = map { $_ => free_port() } qw(one two);
my $dir  = write_config(routes => [
    { name => 'one', mode => 'protect-rtu', listen => ["127.0.0.1:$port{one}"], rtu => ["127.0.0.1:$rtu->{port}"] },
    { name => 'two', mode => 'wrap-master', listen => ["127.0.0.1:$port{two}"], remote => ["127.0.0.1:$rtu->{port}"], peer_name => 'station.lab' } ]);

# Role processes of a start, by the names the log gives them; the two spare tls workers are
# numbered for each group of routes.
my @ROLES = qw(audit-0 broker-0 gate-0 gate-1 signer-0 tls-0 tls-1);

sub gone { my (@pids) = @_; return wait_until(sub { !grep { slurp("/proc/$_/stat") =~ /^\d+ \(.*\) [^ZX]/s } @pids }) }

sub verify {
    my ($what) = @_;
    my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
    is($status, 0, "$what: the log verifies") or diag $out, $err;
    is(join("\n", log_faults($dir)), '', "$what: the chain of the log holds");
}

my $gate = start_gate104($dir);
sub privileged { my ($pid) = @_; return slurp("/proc/$pid/status") !~ /^NoNewPrivs:\s+1$/m }

# Ready with one spare worker; the second may be on its way yet.
wait_until(sub { my @p = children_of($gate->{pid}); @p == @ROLES && !grep { privileged($_) } @p });
my @pids = children_of($gate->{pid});
my %pid  = map { role_of($_) => $_ } @pids;

is(join(' ', sort keys %pid), "@ROLES", 'one process for each role, gate and spare worker, all of them children of gate104d');
is(join(' ', map { children_of($_) } @pids), '', 'none has children');
is(scalar(grep { slurp("/proc/$_/task/$_/status") =~ /^Threads:\s+1$/m } @pids), scalar @pids, 'nor threads');

# ---- what each has ----

# Sockets beside the control channel: [channels, listening TCP sockets].
my %SOCKETS = (
    'audit-0'  => [ 3, 0 ],    # gates, broker
    'broker-0' => [ 5, 2 ],    # audit, gates, tls
    'gate-0'   => [ 2, 0 ], 'gate-1' => [ 2, 0 ],    # broker, audit
    'signer-0' => [ 2, 0 ],    # tls
    'tls-0'    => [ 2, 0 ], 'tls-1' => [ 2, 0 ],     # signer, broker
);

sub status_of { my ($pid) = @_; return map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } split /\n/, slurp("/proc/$pid/status") }

# How many descriptors of which kind a role has.
sub kinds_of_descriptors {
    my ($role) = @_;
    my %tcp = map { (split)[9] // '' => 1 } map { split /\n/, slurp("/proc/net/$_") } qw(tcp tcp6);
    my %kind;
    for my $fd (glob "/proc/$pid{$role}/fd/*") {
        next if $sanitized && $fd =~ m{/2$}; # where the sanitizers report
        my $to   = readlink $fd // next;
        my @stat = stat $fd;
        my $kind = $to =~ /^socket:\[(\d+)\]/ ? ($tcp{$1} ? 'tcp' : 'channel')
            : $to =~ /\[eventpoll\]/ ? 'epoll' : @stat && -c _ && $stat[6] == ((1 << 8) | 3) ? 'null'
            : $role eq 'audit-0' && $to =~ m{/log(?:/gate104\.jsonl)?$} ? 'log' : $to;
        $kind{$kind}++;
    }
    return %kind;
}

SKIP: {
    skip 'what other users\' processes hold is for root to see', scalar @ROLES if !$root;
    my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
    for my $role (@ROLES) {
        subtest $role => sub {
            my %s = status_of($pid{$role});
            is($s{Uid}, join("\t", ($uid) x 4), 'is the configured user, for good');
            is($s{Gid}, join("\t", ($gid) x 4), 'and its group');
            is($s{Groups}, '', 'and no other');
            is(join(' ', map { "$_ $s{$_}" } grep { $s{$_} !~ /^0+$/ } qw(CapInh CapPrm CapEff CapBnd CapAmb)), '', 'has no capability, and none to get');
            is($s{NoNewPrivs}, 1, 'cannot get privileges by exec');
            my ($exe) = (readlink("/proc/$pid{$role}/exe") // '') =~ m{([^/]+)$};
            is($exe, 'gate104-' . ($role =~ /(\w+)-/)[0], 'is a program of its own');
            my ($channels, $tcp) = @{ $SOCKETS{$role} };
            my %want = (channel => 1 + $channels, epoll => 1, null => $sanitized ? 2 : 3, $tcp ? (tcp => $tcp) : (), $role eq 'audit-0' ? (log => 2) : ());
            my %kind;
            wait_until(sub {
                %kind = kinds_of_descriptors($role);
                return join(' ', %kind{ sort keys %kind }) eq join ' ', %want{ sort keys %want };
            }, 3);
            is_deeply(\%kind, \%want, 'has its descriptors and no others') or diag explain \%kind;
        };
    }
}

# ---- a stop in order ----

my $first = Raw104->connect_tls($port{one}, $pki);
ok($first->start, 'a session');
is($first->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'and its command');
kill 'HUP', $gate->{pid};
ok(wait_for_text($gate->{err}, qr/reload: 0 of \d+ files changed$/m), 'SIGHUP reads everything again, and says so');
is($first->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'the session goes on');
@pids = children_of($gate->{pid});
is(stop_process($gate, 'TERM'), 0, 'SIGTERM: exit status 0');
ok(gone(@pids), 'no process is left');
ok($first->ended, 'the master is let go');
ok(wait_for_text($rtu->{out}, qr/"event":"closed"/), 'the RTU is let go');
my @log = records($dir);
is(join(' ', map { $_->{event} } @log[ 0, 1 ]), 'log.opened system.start', 'the log begins with the start');
is(join(' ', map { $_->{event} } @log[ -2, -1 ]), 'system.stop log.closed', 'and ends with the stop');
is(join(' ', map { $_->{why} } grep { $_->{event} eq 'session.close' } @log), 'shutdown', 'the session was closed, with the reason');
verify('after the first run');

# ---- and again ----

$gate = start_gate104($dir);
my $second = Raw104->connect_tls($port{one}, $pki);
ok($second->start, 'a second start serves');
is(stop_process($gate, 'INT'), 0, 'SIGINT is a stop in order, too');
my @again = records($dir);
is($again[ scalar @log ]{event}, 'log.opened', 'the chain goes on behind the first run');
is($again[ scalar @log ]{seq}, @log + 1, 'and so do the numbers');
my @sessions = map { $_->{session} } grep { $_->{event} eq 'session.open' } @again;
is(scalar @sessions, 2, 'two sessions');
isnt($sessions[0], $sessions[1], 'never with the same number');
verify('after the second run');

# ---- a start that fails ----

subtest 'a port that is in use' => sub {
    my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port{two}) or die $!;
    my $p = spawn_process([ bin('gate104d'), '-c', "$dir/gate104.conf" ]);
    my @seen;
    wait_until(sub { push @seen, children_of($p->{pid}); !alive($p) });
    is(stop_process($p), 1 << 8, 'exit status 1');
    my ($line) = grep { /cannot listen/ } split /\n/, slurp($p->{err});
    like($line // slurp($p->{err}), qr/"two".*127\.0\.0\.1:$port{two}.*in use/, 'one sentence names route, address and reason');
    unlike(slurp($p->{err}), qr/: ready/, 'and it never says that it is ready');
    ok(gone(@seen), 'no process is left');
    # The log had been opened, so it tells of the attempt.
    is(join(' ', map { $_->{event} } (records($dir))[-1]), 'log.closed', 'the log is closed');
    verify('after the attempt');
    close $taken;
};

subtest 'two of them with one log' => sub {
    $gate = start_gate104($dir);
    my $other = write_config(routes => [ { name => 'x', mode => 'protect-rtu', listen => [ '127.0.0.1:' . free_port() ], rtu => ['127.0.0.1:1'] } ]);
    my $conf = slurp("$other/gate104.conf");
    spew("$other/gate104.conf", $conf =~ s/\Q$other\E\/log/$dir\/log/r);
    my ($status, undef, $err) = run_command([ bin('gate104d'), '-c', "$other/gate104.conf" ]);
    is($status, 1, 'the second does not start');
    like($err, qr/another gate104 writes its log there/, 'and says why');
    is(stop_process($gate, 'TERM'), 0, 'the first is not troubled');
    verify('after both');
};

subtest 'a missing role program' => sub {
    my $half = scratch();
    symlink bin($_), "$half/$_" for qw(gate104-broker gate104-tls gate104-gate gate104-audit);
    system('cp', bin('gate104d'), bin('gate104-signer'), "$half/") == 0 or die 'cp';
    my $p = spawn_process([ "$half/gate104d", '-c', "$dir/gate104.conf", '-t' ]);
    is(stop_process($p), 0, 'all there: good') or diag slurp($p->{err});
    unlink "$half/gate104-broker";
    my ($status, undef, $err) = run_command([ "$half/gate104d", '-c', "$dir/gate104.conf" ]);
    SKIP: {
        skip 'another one is installed', 2 if -x '/usr/local/libexec/gate104/gate104-broker';
        is($status, 1, 'exit status 1');
        like($err, qr/gate104-broker is neither beside gate104d nor in/, 'with a sentence');
    }
};

done_testing();
