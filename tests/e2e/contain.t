#!/usr/bin/perl
# The sandbox around the processes of a running gate104d, seen from outside; a gate that
# leaves its table of system calls; one that never entered its sandbox; and what is said
# where a layer cannot be had.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

plan skip_all => 'sanitizer builds have no filter' if $BUILD =~ /-san$/;

my $pki = pki();
my $rtu = start_rtu();
my $g   = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] });
my $m   = Raw104->connect_tls($g->{port}, $pki);
ok($m->start, 'a session');
is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'in which commands go through');

sub status_of { return map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } split /\n/, slurp("/proc/$_[0]/status") }
sub entries { opendir my $d, $_[0] or return "unreadable: $!"; return join ' ', grep { !/^\.\.?$/ } readdir $d }

my %namespaces = map { $_ => readlink "/proc/self/ns/$_" } qw(net ipc uts mnt pid);
for my $pid (children_of($g->{gate}{pid})) {
    my $role = role_of($pid);
    # A spare worker that is still on its way in is not meant.
    wait_until(sub { my %s = status_of($pid); !%s || $s{Seccomp} eq '2' });
    my %s = status_of($pid);
    my $none = '0' x 16;
    is("@s{qw(Seccomp NoNewPrivs Threads)}", '2 1 1', "$role: a filter, no new privileges, one thread");
    is("@s{qw(CapInh CapPrm CapEff CapAmb)}", join(' ', ($none) x 4), "$role: no capabilities");
    SKIP: {
        skip 'not root', 5 if $> != 0;
        is($s{CapBnd}, $none, "$role: and none to be had");
        is(entries("/proc/$pid/root"), '', "$role: an empty root");
        my @same = grep { $namespaces{$_} eq readlink "/proc/$pid/ns/$_" } sort keys %namespaces;
        is("@same", $role =~ /^broker/ ? 'net' : '', "$role: namespaces of its own");
        my $mounts = slurp("/proc/$pid/mountinfo");
        like($mounts, qr{\A\S+ \S+ \S+ / / ro,nosuid,nodev,noexec\b[^\n]*\n\z}, "$role: nothing mounted but that, and nothing below it");
        # What is between blanks and a colon are interfaces; lo is down, as nobody raised it.
        my @interfaces = slurp("/proc/$pid/net/dev") =~ /^\s*(\S+):/mg;
        my $lo_up = slurp("/proc/$pid/net/if_inet6") . slurp("/proc/$pid/net/fib_trie");
        is("@interfaces $lo_up", 'lo ', "$role: a network without an interface") if $role !~ /^broker/;
    }
}
SKIP: {
    skip 'not root', 1 if $> != 0;
    my ($signer) = proc_of_role($g->{gate}, 'signer');
    my %s = status_of($signer);
    cmp_ok($s{VmLck} =~ s/ kB//r, '>', 1000, 'the signer cannot be swapped out');
}

my @status = run_command([ bin('gate104'), '-s', "$g->{dir}/run/control", 'status', '--json' ]);
is($status[0], 0, 'status') or diag $status[2];
my ($lacks) = $status[1] =~ /^  "sandbox_lacks":\s*\[\s*([^\]]*?)\s*\]/m;
my $said = slurp($g->{gate}{err});
# What the kernel has of Landlock (landlock_create_ruleset, asked for its version).
my $abi = syscall(444, 0, 0, 1);
for ([ 'landlock-files', 1 ], [ 'landlock-network', 4 ], [ 'landlock-scope', 6 ]) {
    my ($layer, $from) = @$_;
    is($lacks =~ /"$layer"/ ? 'missing' : 'there', $abi < $from ? 'missing' : 'there', "$layer, as the kernel has it");
}
if ($> == 0 && $lacks eq '') {
    unlike($said, qr/sandbox of/, 'nothing is missing, nothing is said');
} else {
    like($said, qr/^gate104d: sandbox of \S+ without: /m, 'what is missing is said');
    like($status[1], qr/"sandbox_lacks":\s*\[\s*"/, 'and shown');
}
$m->close;
is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');

# ---- the same, required ----
my $conf = slurp("$g->{dir}/gate104.conf");
spew("$g->{dir}/full.conf", qq(require_sandbox = "full";\n$conf));
sub start_with {
    my ($program, $file) = @_;
    unlink "$g->{dir}/$file.err"; # of an earlier one
    my $p = spawn_process([ $program, '-c', "$g->{dir}/$file" ], out => "$g->{dir}/$file.out", err => "$g->{dir}/$file.err");
    wait_until(sub { slurp($p->{err}) =~ /^gate104d: ready$/m || !alive($p) });
    return $p;
}
{
    my $p = start_with(bin('gate104d'), 'full.conf');
    my $err = slurp($p->{err});
    if ($lacks eq '') {
        like($err, qr/^gate104d: ready$/m, 'a full sandbox is required, and there');
        is(stop_process($p, 'TERM'), 0, 'clean stop');
    } else {
        like($err, qr/is not started: require_sandbox is "full", it lacks: /, 'a full sandbox is required, and not there');
        unlike($err, qr/^gate104d: ready$/m, 'so nothing is served');
        stop_process($p, 'TERM') if alive($p);
    }
}
spew("$g->{dir}/odd.conf", qq(require_sandbox = "some";\n$conf));
my ($code, undef, $why) = run_command([ bin('gate104d'), '-c', "$g->{dir}/odd.conf", '-t' ]);
is($code, 1, 'no other word is taken');
like($why, qr/odd\.conf:1: .*require_sandbox.*write "best" or "full"/, 'and the words are named');

# ---- gates that are none ----
sub build_with_stray {
    my ($mode) = @_;
    my $dir = scratch() . "/$mode";
    mkdir $dir;
    run_command([ 'cp', bin('gate104d'), "$dir/gate104d" ]);
    symlink bin("gate104-$_"), "$dir/gate104-$_" for qw(broker tls signer audit);
    run_command([ 'cp', bin('contain/stray'), "$dir/gate104-gate" ]);
    return "$dir/gate104d";
}

{
    my $p = start_with(build_with_stray('open'), 'gate104.conf');
    like(slurp($p->{err}), qr/^gate104d: ready$/m, 'a gate that will go astray starts') or diag slurp($p->{err});
    run_command([ bin('gate104'), '-s', "$g->{dir}/run/control", 'sessions' ]);
    my $r = wait_record($g->{dir}, { event => 'system.process-died' });
    is($r->{process}, 'gate-0', 'it is ended');
    is($r->{detail}, 'killed by the sandbox: system call 257 (openat)', 'for the call that it tried');
    like(slurp($p->{err}), qr/^gate104d: gate-0 killed by the sandbox: system call 257 \(openat\)$/m, 'the operator is told');
    is(stop_process($p, 'TERM'), 0, 'the others go on until they are stopped');
}
{
    # First with a real gate, so that there is somebody to record it.
    my $daemon = build_with_stray('naked');
    my ($gate) = $daemon =~ s/gate104d$/gate104-gate/r;
    rename $gate, "$gate.stray";
    symlink bin('gate104-gate'), $gate;
    my $p = start_with($daemon, 'gate104.conf');
    like(slurp($p->{err}), qr/^gate104d: ready$/m, 'a real gate') or diag slurp($p->{err});
    rename "$gate.stray", $gate;
    kill 'KILL', proc_of_role($p, 'gate');
    # Others may have been refused above, for what they lack.
    my $r = wait_record($g->{dir}, { event => 'system.process-refused', detail => qr/^attestation: / });
    is($r->{process}, 'gate-0', 'one without a sandbox is refused, by attestation');
    like(slurp($p->{err}), qr/^gate104d: gate-0 is not started: attestation: /m, 'the operator is told');
    is(stop_process($p, 'TERM'), 0, 'clean stop');
    $p = start_with($daemon, 'gate104.conf');
    unlike(slurp($p->{err}), qr/^gate104d: ready$/m, 'at a start nothing is served with it');
    stop_process($p, 'TERM') if alive($p);
}

SKIP: {
    skip 'not root', 4 if $> != 0;
    for my $case ([ 'hoard', qr/open descriptors: "6 instead of 5"/, 'a gate with a descriptor too many' ],
                  [ 'apart', qr/network: "net:\[\d+\]"/, 'a gate in another network' ]) {
        my ($mode, $why, $what) = @$case;
        my $p = start_with(build_with_stray($mode), 'gate104.conf');
        unlike(slurp($p->{err}), qr/^gate104d: ready$/m, "$what: nothing is served with it");
        like(slurp($p->{err}), qr/^gate104d: gate-0 is not started: attestation: $why/m, 'the operator is told');
        stop_process($p, 'TERM') if alive($p);
    }
}

done_testing();
