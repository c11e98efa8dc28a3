#!/usr/bin/perl
# What `make install` puts where it is told to works there, wherever that is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $to  = scratch();
my $san = $BUILD =~ /-san$/ ? 1 : 0;
plan skip_all => 'the build is not in the source folder' if $BUILD !~ m{^\Q$ROOT\E/build(-san)?$};
my ($status, $out, $err) = run_command([ 'make', '--no-print-directory', '-C', $ROOT, "SAN=$san", 'install', "DESTDIR=$to", 'PREFIX=/usr' ], seconds => 120);
is($status, 0, 'installs') or diag $out, $err;
my @have = sort map { s{^\Q$to\E/usr/}{}r } glob "$to/usr/{bin,sbin,libexec/gate104}/*";
is("@have", join(' ', sort(qw(bin/gate104 bin/gate104-sim bin/gate104-verify sbin/gate104d), map { "libexec/gate104/gate104-$_" } qw(audit broker fetcher gate pki signer tls))), 'the programs');
for my $page (qw(man1/gate104.1 man1/gate104-pki.1 man1/gate104-sim.1 man5/gate104.conf.5 man5/gate104-policy.5 man8/gate104d.8)) {
    ok(-s "$to/usr/share/man/$page", "$page");
}

for my $policy (map { s{.*/}{}r } glob "$ROOT/doc/policies/*") {
    is(slurp("$to/usr/share/gate104/policies/$policy"), slurp("$ROOT/doc/policies/$policy"), $policy);
}

my $service = slurp("$to/usr/lib/systemd/system/gate104.service");
my @starts = $service =~ m{^Exec(?:Start|Reload)=!(\S+)}mg;
is(join(' ', @starts), '/usr/sbin/gate104d /usr/bin/gate104', 'the service');
is(scalar(grep { !-x "$to$_" } @starts), 0, 'starts what is there');
for my $kind (qw(sysusers tmpfiles)) {
    is(slurp("$to/usr/lib/$kind.d/gate104.conf"), slurp("$ROOT/debian/gate104.$kind"), "$kind.d");
}
ok(-s "$to/usr/share/doc/gate104/apparmor/usr.sbin.gate104d", 'the AppArmor profile');

chmod 0755, $to; # the roles' user has to reach the programs
($status, $out, $err) = run_command([ "$to/usr/bin/gate104", 'pki', 'init', "$to/ca", '--name', 'x' ]);
is($status, 0, 'gate104 finds gate104-pki') or diag $err;

my $rtu  = start_rtu();
my $port = free_port();
my $dir  = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
my $installed = "$to/usr/sbin/gate104d";
($status, $out, $err) = run_command([ $installed, '-c', "$dir/gate104.conf", '-t' ]);
is($status, 0, 'checks a configuration, keys included') or diag $out, $err;
my $p = spawn_process([ $installed, '-c', "$dir/gate104.conf" ], err => "$dir/gate104d.err");
ok(wait_for_text("$dir/gate104d.err", qr/^gate104d: ready$/m), 'starts') or diag slurp("$dir/gate104d.err");
my @exe = map { readlink("/proc/$_/exe") // '' } children_of($p->{pid});
is(scalar(grep { !m{^\Q$to\E/usr/libexec/gate104/} } @exe), 0, 'every role from the installed place') or diag "@exe";
is(stop_process($p, 'TERM'), 0, 'stops');
done_testing;
