#!/usr/bin/perl
# gate104d as an ordinary user: it works, and says that its processes are separated less.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

# Root becomes somebody else first, and for good.  Not nobody: as him a user appears who is
# not known in a user namespace.
if ($> == 0) {
    my ($uid, $gid) = (60_104, 60_104);
    my @become = ('setpriv', '--reuid', $uid, '--regid', $gid, '--clear-groups', '--no-new-privs', '--bounding-set=-all');
    plan skip_all => 'an ordinary user cannot read this checkout'
        if system @become, $^X, '-e', 'exit !(-x $ARGV[0] && -r $ARGV[1])', bin('gate104d'), "$ROOT/tests/lib/lab-pki";
    $ENV{GATE104_BUILD} = $BUILD;
    exec @become, $^X, $0 or die "setpriv: $!";
}

my $pki = pki();
my $rtu = start_rtu();
my $g   = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] });

like(slurp($g->{gate}{err}), qr/^gate104d: not started as root: .*less separation/m, 'it says that there is less separation');
my $r = wait_record($g->{dir}, { event => 'system.config-warning', why => 'less-separation' });
is("$r->{why} $r->{from} $r->{severity}", 'less-separation monitor-0 warning', 'and so does the log');

# Ready with one spare worker; the second may be on its way yet.
wait_until(sub { my @p = children_of($g->{gate}{pid}); @p == 6 && !grep { opendir my $fd, "/proc/$_/fd" } @p });
for my $pid (children_of($g->{gate}{pid})) {
    my %s = map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } split /\n/, slurp("/proc/$pid/status");
    my $own = join "\t", ($>) x 4;
    is("$s{Uid} $s{NoNewPrivs} $s{CapEff} $s{CapPrm}", "$own 1 0000000000000000 0000000000000000", role_of($pid) . ': this user, without privileges');
    # Not dumpable: not even this user may look into it.
    ok(!opendir(my $fd, "/proc/$pid/fd"), role_of($pid) . ': its memory and descriptors are closed to its own user');
}

# A user namespace gives the roles all but a user of their own.
my @forbid = ('unshare', '--user', '--map-current-user', '--keep-caps', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh',
              'setpriv', '--inh-caps', '-all', '--ambient-caps', '-all', '--');
my $allowed   = system('unshare --user --map-current-user --net --mount true 2>/dev/null') == 0;
my $forbidden = $allowed && (run_command([ @forbid, 'unshare', '--user', 'true' ]))[0] != 0;
sub lacks {
    my ($dir) = @_;
    my ($status, $out) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'status', '--json' ]);
    my ($list) = $out =~ /"sandbox_lacks":\s*\[\s*([^\]]*?)\s*\]/;
    return join ' ', ($list // 'none') =~ /"([^"]+)"/g;
}
SKIP: {
    skip 'sanitizer build', 8 if $BUILD =~ /-san$/;
    skip 'no user namespaces here', 8 if !$allowed;
    my @lacks = split ' ', lacks($g->{dir});
    is(join(' ', grep { !/^(?:landlock|locked|descriptor)/ } @lacks), 'own-user', 'with user namespaces this is missing');
    like(slurp($g->{gate}{err}), qr/^gate104d: sandbox of \S+ without: own-user/m, 'and said');
    # The size of such a folder is the number of descriptors since Linux 6.2.
    is(scalar(grep { $_ eq 'descriptor-check' } @lacks), (stat '/proc/self/fd')[7] > 0 ? 0 : 1, 'descriptors are counted where the kernel tells');
    for my $pid (children_of($g->{gate}{pid})) {
        my %s = map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } split /\n/, slurp("/proc/$pid/status");
        is("$s{CapBnd} " . ($s{NSpid} =~ tr/\t//), '0000000000000000 1', role_of($pid) . ': no capabilities to be had, and a process namespace');
    }
}
SKIP: {
    skip 'sanitizer build', 5 if $BUILD =~ /-san$/;
    skip 'user namespaces cannot be forbidden for a test here', 5 if !$forbidden;
    my $port = free_port();
    my $dir  = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
    my $start = sub {
        my $p = spawn_process([ @forbid, bin('gate104d'), '-c', "$dir/gate104.conf" ], err => "$dir/$_[0]");
        wait_until(sub { slurp($p->{err}) =~ /^gate104d: ready$/m || !alive($p) }, 30);
        return $p;
    };
    my $p = $start->('without.err');
    my %said = map { $_ => 1 } map { split /, / } slurp($p->{err}) =~ /^gate104d: sandbox of \S+ without: (.*)$/mg;
    is(join(' ', grep { !$said{$_} } qw(own-user empty-root no-network ipc-namespace uts-namespace pid-namespace)), '', 'where they are forbidden it is said what is missing');
    like(lacks($dir), qr/^own-user empty-root no-network ipc-namespace uts-namespace .*pid-namespace$/, 'and shown');
    my $m = Raw104->connect_tls($port, $pki);
    ok($m->start && $m->command($Raw104::SINGLE_ON) eq $Raw104::SINGLE_CON, 'it works all the same');
    $m->close;
    is(stop_process($p, 'TERM'), 0, 'clean stop');
    spew("$dir/gate104.conf", qq(require_sandbox = "full";\n) . slurp("$dir/gate104.conf"));
    $p = $start->('full.err');
    like(slurp($p->{err}), qr/is not started: require_sandbox is "full", it lacks: own-user, empty-root, .*pid-namespace/, 'require_sandbox = "full" does not start');
    stop_process($p, 'TERM') if alive($p);
}

my $m = Raw104->connect_tls($g->{port}, $pki);
ok($m->start, 'a session');
is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'what is allowed is done');
is($m->command('2d0106000100500800' . '01'), '2d0147000100500800' . '01', 'what is not is refused');
my ($refused) = wait_until(sub { (grep { $_->{event} eq 'policy.refused' } records_of_client($g->{dir}, $m->{port}))[0] });
is($refused && $refused->{why}, 'policy', 'and recorded');
is((stat "$g->{dir}/log/gate104.jsonl")[2] & 0007, 0, 'the log is closed to others');
$m->close;
is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$g->{dir}/log" ]);
is($status, 0, 'the log verifies') or diag $out, $err;

# A user that roles should become needs root.
spew("$g->{dir}/user.conf", qq(user = "nobody";\n) . slurp("$g->{dir}/gate104.conf"));
($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$g->{dir}/user.conf", '-t' ]);
is($status, 0, 'a configured user is no error');
like($err, qr/user\.conf:.* warning: user: ignored: without root/, 'but a warning');

SKIP: {
    my $first = slurp('/proc/sys/net/ipv4/ip_unprivileged_port_start') || 1024;
    skip 'any user may listen on any port here', 2 if $first <= 102;
    my $conf = slurp("$g->{dir}/gate104.conf");
    spew("$g->{dir}/low.conf", $conf =~ s/127\.0\.0\.1:$g->{port}/127.0.0.1:102/r);
    ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$g->{dir}/low.conf" ]);
    is($status, 1, 'a port of root: it does not start');
    like($err, qr/only root may listen on port 102 \(route "r"\); start gate104d as root, or use a higher port/, 'and says what to do');
}

done_testing();
