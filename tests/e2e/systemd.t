#!/usr/bin/perl
# gate104d as a service: what debian/gate104.service takes away is what systemd-analyze
# thinks much of, and nothing that gate104d needs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

our $unit = slurp("$ROOT/debian/gate104.service");
# What gives back the namespaces, as a drop-in.
my $more = slurp("$ROOT/debian/namespaces.conf");

sub have {
    my ($tool) = @_;
    return scalar grep { -x "$_/$tool" } qw(/usr/bin /bin /usr/sbin /sbin);
}

# All values of a setting, one after the other.
sub setting { my ($name) = @_; return map { split ' ' } $unit =~ /^\Q$name\E=(.*)$/mg }

sub exposure {
    my ($text) = @_;
    my $dir = scratch();
    spew("$dir/gate104.service", $text);
    my ($status, $out, $err) = run_command([ 'systemd-analyze', 'security', '--offline=true', '--no-pager', "$dir/gate104.service" ]);
    return $out =~ /^\S+ Overall exposure level for gate104\.service: ([\d.]+)/m ? $1 : "none: $out $err";
}

subtest 'systemd-analyze' => sub {
    plan skip_all => 'no systemd-analyze' if !have('systemd-analyze');
    cmp_ok(exposure($unit), '<=', 1.5, 'exposure');
    # It does not look at the "!": what it is with the monitor counted as the root it is.
    my $root = $unit =~ s/^User=.*\n//mr =~ s/=!/=/gr;
    unlike($root, qr/^User=|=!/m, 'the monitor as root');
    cmp_ok(exposure($root), '<=', 1.9, 'exposure');
    cmp_ok(exposure($unit =~ s/^ProtectSystem=.*\n//mr), '>', 1.5, 'which depends on what is in the unit');
    # doc/sandbox.md names these.
    my $doc = slurp("$ROOT/doc/sandbox.md");
    my %figure = ('as it is' => $unit, 'the monitor counted as root' => $root,
                  'with namespaces' => "$unit\n$more", 'with namespaces, the monitor counted as root' => "$root\n$more",
                  'all of it one ordinary user' => $unit =~ s/=!/=/gr =~ s/^(CapabilityBoundingSet=).*/$1/mr);
    for my $what (sort keys %figure) {
        my $is = exposure($figure{$what});
        ok(index($doc, "\n| $what | $is |") > 0, "doc/sandbox.md has the figure: $what, $is");
    }

    my $dir = scratch();
    spew("$dir/gate104.service", $unit =~ s{!/usr/s?bin/}{!$BUILD/}gr);
    my ($status, $out, $err) = run_command([ 'systemd-analyze', 'verify', '--man=no', "$dir/gate104.service" ]);
    is("$status $out$err", '0 ', 'verify');
    spew("$dir/gate104.service", $unit =~ s{!/usr/s?bin/}{!$BUILD/}gr =~ s/^WatchdogSec=/WatchdogSecs=/mr);
    ($status, $out, $err) = run_command([ 'systemd-analyze', 'verify', '--man=no', "$dir/gate104.service" ]);
    like($err, qr/WatchdogSecs/, 'verify finds what is wrong');
};

subtest 'users and folders' => sub {
    my %role = map { lc $_ => 1 } slurp("$ROOT/sandbox/role.h") =~ /^\s+ROLE_(\w+) = \d+,/mg;
    delete @role{qw(monitor count)};
    my @want = sort '_gate104', map { "_gate104-$_" } keys %role;
    my @user = slurp("$ROOT/debian/gate104.sysusers") =~ /^u\s+(\S+)/mg;
    is("@user", "@want", 'a user for every role');

    plan skip_all => 'only root may make users' if $> != 0;
    plan skip_all => 'no systemd-sysusers' if !have('systemd-sysusers');
    my $to = scratch();
    mkdir "$to/etc";
    my ($status, $out, $err) = run_command([ 'systemd-sysusers', "--root=$to", "$ROOT/debian/gate104.sysusers" ]);
    is($status, 0, 'sysusers') or diag $err;
    my %uid = map { (split /:/)[ 0, 2 ] } split /\n/, slurp("$to/etc/passwd");
    is(join(' ', sort keys %uid), "@want", 'are made');
    is(scalar(keys %{ { reverse %uid } }), scalar(@want), 'each with a number of its own');
    is(scalar(grep { $_ == 0 } values %uid), 0, 'none is root');
    ($status, $out, $err) = run_command([ 'systemd-tmpfiles', '--create', "--root=$to", "$ROOT/debian/gate104.tmpfiles" ]);
    is($status, 0, 'tmpfiles') or diag $err;
    my @st = stat "$to/var/log/gate104";
    is(sprintf('%o %d %d', $st[2] & 07777, @st[ 4, 5 ]), "770 $uid{'_gate104-audit'} 0", "the log's folder is the audit role's, and the monitor's");
    is(sprintf('%o %d', (stat "$to/run/gate104")[ 2, 4 ]), '40755 0', "the control socket's is root's");
};

# The system calls that the unit allows: groups are those of systemd-analyze; lines that
# begin with "~" take away again.
sub allowed_calls {
    my (%group, $at, %allowed);
    my ($status, $out) = run_command([ 'systemd-analyze', 'syscall-filter', '--no-pager' ]);
    for (split /\n/, $out) {
        $at = $1 if /^(@\S+)/;
        push @{ $group{$at} }, $1 if /^\s+([@\w-]+)$/;
    }
    for my $line ($unit =~ /^SystemCallFilter=(.*)$/mg) {
        my $away = $line =~ s/^~//;
        my @names = split ' ', $line;
        while (defined(my $name = shift @names)) {
            if ($name =~ /^@/) { push @names, @{ $group{$name} // die "no group $name" } }
            elsif ($away) { delete $allowed{$name} }
            else          { $allowed{$name} = 1 }
        }
    }
    return \%allowed;
}

# How to start gate104d with what the unit leaves it: capabilities, no new privileges, and
# files that cannot be written but for two folders.
sub confined {
    my ($dir, $capabilities, @before) = @_;
    my ($above) = sort { length $b <=> length $a } grep { index("$dir/", $_ eq '/' ? '/' : "$_/") == 0 }
        map { (split ' ')[1] } split /\n/, slurp('/proc/self/mounts');
    my %mounts = map { $_ => 1 } '/', $above;
    my $ro = join ' && ', (map { "mount --bind $dir/$_ $dir/$_" } qw(log run)),
        map { "mount -o remount,bind,ro $_" } sort keys %mounts;
    my $bounding = join ',', '-all', map { '+' . lc s/^CAP_//r } @$capabilities;
    return (@before, 'unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', "$ro && exec \"\$@\"", 'sh',
            'setpriv', '--bounding-set', $bounding, '--inh-caps', '-all', '--no-new-privs', '--',
            bin('gate104d'), '-c', "$dir/gate104.conf");
}

sub config {
    my ($rtu, $port) = @_;
    my $dir = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
    # As tmpfiles makes them.
    my ($mode) = slurp("$ROOT/debian/gate104.tmpfiles") =~ m{^d\s+/var/log/gate104\s+(\d+)\s+\S+\s+root}m or die;
    chmod oct $mode, "$dir/log";
    chown -1, 0, "$dir/log";
    mkdir "$dir/run";
    chmod 0755, $dir;
    return $dir;
}

subtest 'gate104d with what is left' => sub {
    plan skip_all => 'only root can give it that' if $> != 0;
    plan skip_all => 'sanitizer build' if $BUILD =~ /-san$/;
    plan skip_all => 'no strace' if !have('strace');
    plan skip_all => 'no systemd-analyze' if !have('systemd-analyze');
    plan skip_all => 'no mount namespaces here' if system('unshare --mount --propagation private -- mount -t tmpfs none /mnt 2>/dev/null') != 0;

    my $pki  = pki();
    my $rtu  = start_rtu();
    my $port = free_port();
    my $dir  = config($rtu, $port);
    my @capabilities = setting('CapabilityBoundingSet');
    my $trace = scratch() . '/trace';
    my $p = spawn_process([ confined($dir, \@capabilities, 'strace', '-f', '-qq', '-o', $trace) ], err => "$dir/gate104d.err");
    ok(wait_for_text("$dir/gate104d.err", qr/^gate104d: ready$/m, 30), 'starts') or diag slurp("$dir/gate104d.err");
    my $monitor = wait_until(sub { (children_of($p->{pid}))[0] });
    my %status = map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } split /\n/, slurp("/proc/$monitor/status");
    is($status{CapEff}, $status{CapBnd}, 'the monitor has the capabilities that are left');
    is(sprintf('%b', hex $status{CapBnd}) =~ tr/1//, scalar(@capabilities), 'and they are few');
    is($status{NoNewPrivs}, 1, 'and no way to others');
    ok(!system("nsenter -t $monitor -m sh -c 'touch $dir/log/x && rm $dir/log/x && ! touch $dir/x' 2>/dev/null"), 'files are closed but for the log');

    my $m = Raw104->connect_tls($port, $pki);
    ok($m->start, 'a session');
    is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'a command');
    my ($status, $out, $err) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'reload' ]);
    is($status, 0, 'a reload') or diag $err;
    $m->close;
    ok(wait_record($dir, { event => 'session.close' }), 'the log is written');
    # A role that hangs is ended by force; CAP_KILL is not among what is left.
    my ($gate) = grep { role_of($_) eq 'gate-0' } children_of($monitor);
    kill 'STOP', $gate;
    kill 'TERM', $monitor;
    is(stop_process($p, undef, 20), 0, 'stops');
    like(slurp("$dir/gate104d.err"), qr/^gate104d: gate-0 did not stop in time$/m, 'though a role does not');

    my (%used, %family, @bad);
    my $allowed = allowed_calls();
    my $begun   = 0;
    for (split /\n/, slurp($trace)) {
        $begun ||= m{execve\("\Q$BUILD\E/gate104d"};
        next if !$begun || / = -1 E(PERM|ACCES) /;
        $used{$1}++ if /^\d+ +(\w+)\(/;
        $family{$1}++ if /^\d+ +socket\((\w+)/;
        # The roles ask for namespaces, and do without.
        push @bad, $_ if /PROT_WRITE\|PROT_EXEC/ || /(?:CLONE_NEW|unshare resumed).* = 0$/;
    }
    ok($used{setresuid} && $used{pipe2} && $used{epoll_wait} && $used{accept4} && $used{fdatasync}, 'all that was seen');
    # The clock's state is asked for, and unknown where ProtectClock= denies it.
    is(join(' ', sort grep { !$allowed->{$_} && $_ ne 'clock_adjtime' } keys %used), '', 'no system call beyond the filter');
    ok(!$allowed->{$_}, "not: $_") for qw(ptrace mount chroot chown init_module bpf keyctl setfsuid userfaultfd reboot sched_setscheduler);
    my %may = map { $_ => 1 } setting('RestrictAddressFamilies');
    is(join(' ', grep { !$may{$_} } sort keys %family), '', 'no socket beyond the families');
    is("@bad", '', 'no memory that is both written and run, no namespace');

    for my $without (@capabilities) {
        my $dir = config($rtu, free_port());
        my $p = spawn_process([ confined($dir, [ grep { $_ ne $without } @capabilities ]) ], err => "$dir/gate104d.err");
        is(stop_process($p, undef, 20), 256, "without $without it does not start");
    }
};

subtest 'with namespaces' => sub {
    plan skip_all => 'only root can give it that' if $> != 0;
    plan skip_all => 'sanitizer build' if $BUILD =~ /-san$/;
    plan skip_all => 'no strace' if !have('strace');
    plan skip_all => 'no systemd-analyze' if !have('systemd-analyze');
    plan skip_all => 'no mount namespaces here' if system('unshare --mount --propagation private -- mount -t tmpfs none /mnt 2>/dev/null') != 0;
    local $unit = "$unit\n$more";
    my $pki  = pki();
    my $rtu  = start_rtu();
    my $port = free_port();
    my $dir  = config($rtu, $port);
    my $lacks = sub {
        my ($status, $out) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'status', '--json' ]);
        my ($list) = $out =~ /"sandbox_lacks":\s*\[\s*([^\]]*?)\s*\]/;
        return join ' ', grep { !/^landlock|^locked/ } ($list // 'nothing is said') =~ /([\w-]+)/g;
    };
    my $trace = scratch() . '/trace';
    my @capabilities = setting('CapabilityBoundingSet');
    is("@capabilities[3 .. $#capabilities]", 'CAP_SYS_ADMIN CAP_SYS_PTRACE', 'two more capabilities');
    my $p = spawn_process([ confined($dir, \@capabilities, 'strace', '-f', '-qq', '-e', 'trace=!read,write', '-o', $trace) ], err => "$dir/gate104d.err");
    ok(wait_for_text("$dir/gate104d.err", qr/^gate104d: ready$/m, 30), 'starts') or diag slurp("$dir/gate104d.err");
    is($lacks->(), '', 'nothing is missing');
    my $m = Raw104->connect_tls($port, $pki);
    ok($m->start, 'a session');
    is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'a command');
    $m->close;
    my ($monitor) = children_of($p->{pid});
    kill 'TERM', $monitor;
    is(stop_process($p, undef, 20), 0, 'stops');
    my $allowed = allowed_calls();
    my (%used, %made);
    my $begun = 0;
    for (split /\n/, slurp($trace)) {
        $begun ||= m{execve\("\Q$BUILD\E/gate104d"};
        next if !$begun || / = -1 E(PERM|ACCES) /;
        $used{$1}++ if /^\d+ +(\w+)\(/;
        $made{ lc $_ }++ for /CLONE_NEW(\w+)/g;
    }
    # ProtectClock denies the question what state the clock is in; who asks expects that.
    delete $used{clock_adjtime};
    is(join(' ', sort grep { !$allowed->{$_} } keys %used), '', 'no system call beyond the filter');
    my %may = map { $_ => 1 } setting('RestrictNamespaces');
    is(join(' ', sort grep { !$may{ s/^ns$/mnt/r } } keys %made), '', 'no namespace beyond those');

    # The unit alone.
    @capabilities = @capabilities[ 0 .. 2 ];
    $dir = config($rtu, free_port());
    $p = spawn_process([ confined($dir, \@capabilities) ], err => "$dir/gate104d.err");
    ok(wait_for_text("$dir/gate104d.err", qr/^gate104d: ready$/m, 30), 'without them it starts, too');
    like($lacks->(), qr/^(?=.*empty-root)(?=.*no-network)(?=.*pid-namespace)/, 'and says what is missing');
    stop_process($p, 'TERM');
};

subtest 'AppArmor' => sub {
    my $profile = "$ROOT/debian/apparmor/usr.sbin.gate104d";
    my $text    = slurp($profile);
    my %role    = map { lc $_ => 1 } slurp("$ROOT/sandbox/role.h") =~ /^\s+ROLE_(\w+) = \d+,/mg;
    delete @role{qw(monitor count)};
    for my $role (sort keys %role) {
        like($text, qr{^  \S*/gate104-$role px -> &gate104-$role,$}m, "gate104-$role is started confined");
        like($text, qr/^profile gate104-$role /m, 'and has its profile');
    }
    plan skip_all => 'no apparmor_parser' if !have('apparmor_parser');
    my ($status, $out, $err) = run_command([ 'apparmor_parser', '-Q', '-K', '--skip-kernel-load', $profile ]);
    is($status, 0, 'the parser takes it') or diag $err;
    my $wrong = scratch() . '/profile';
    spew($wrong, $text =~ s/  capability setuid,/  capability setuids,/r);
    ($status, $out, $err) = run_command([ 'apparmor_parser', '-Q', '-K', '--skip-kernel-load', $wrong ]);
    isnt($status, 0, 'and not just anything');
};

done_testing();
