#!/usr/bin/perl
# gate104 killed again and again, one process or all of them, while events and commands
# go through it.  Both stations keep a ledger (tests/torture/): nothing that was
# acknowledged may be lost, nothing forbidden or unlogged may reach the RTU, nothing may
# come twice on a connection or out of order.
#
# GATE104_KILLS sets how often, GATE104_SEED repeats a run.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(sleep time);

my $KILLS   = $ENV{GATE104_KILLS} // 40;
my $SEED    = srand($ENV{GATE104_SEED} // int(time * 1000) % 1_000_000);
my $PATIENT = 3;    # deaths of a role before the monitor makes it wait long for its new start

my $POLICY = <<'P';
control = { default = "refuse"; rules = (
  { name = "outputs"; types = [ "C_BO_NA_1" ]; ca = [ 1 ]; ioa = [ 1001 ]; } ); };
P

my $pki  = pki();
my $port = free_port();
my $rtu  = free_port();
my $dir  = write_config(limits => 'spare_workers = 2; ', routes => [ { name => 'r', mode => 'protect-rtu',
    listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu"], policy_text => $POLICY, t1 => 15 } ]);

my $gate     = start_gate104($dir);
my $stations = spawn_process([ bin('torture/stations'), "127.0.0.1:$rtu", "127.0.0.1:$port",
                               "$pki/master.crt", "$pki/master.key", "$pki/ca.crt", 400, 100 ]);

# ---- killing ----

my %deaths;         # by role, since gate104d was started
my %killed;

sub kill_role {
    my ($role) = @_;
    my @pids = shuffle proc_of_role($gate, $role);
    $deaths{$role}++;
    return if !@pids;
    # One that hung for a while before takes with it what the others sent it meanwhile.
    if (rand() < 0.5) {
        kill 'STOP', $pids[0];
        sleep rand() * 0.1;
    }
    $killed{$role} += kill 'KILL', $pids[0];
}

sub kill_all {
    my (@pids) = shuffle $gate->{pid}, children_of($gate->{pid});
    kill 'KILL', $_ for @pids;
    stop_process($gate);
    $killed{all}++;
    %deaths = ();
    wait_until(sub { !grep { kill 0, $_ } @pids });
    $gate = start_gate104($dir);
}

for (1 .. $KILLS) {
    sleep 0.02 + rand() ** 2 * 0.4;
    last if !alive($stations);
    my @roles = grep { ($deaths{$_} // 0) < $PATIENT } qw(broker tls gate signer audit);
    my $role = (@roles, 'all')[ rand(@roles + 1) ];
    $role eq 'all' ? kill_all() : kill_role($role);
}

# ---- what came of it ----

sleep 0.5;
my $status = stop_process($stations, 'TERM', 60);
my ($sum)  = json_lines(slurp($stations->{out}));
my @executed = slurp($stations->{out}) =~ /^(\d+)$/mg;
diag("seed $SEED: killed ", join ', ', map { "$_ $killed{$_}" } sort keys %killed);

is($status, 0, 'both stations saw what they must and nothing that they must not')
    or diag(slurp($stations->{err}));
$sum //= {};
diag(join ', ', map { "$_ $sum->{$_}" } sort keys %$sum);
cmp_ok($sum->{sessions} // 0, '>', $KILLS / 10, 'there were sessions between the deaths');
cmp_ok($sum->{executed} // 0, '>', $KILLS, 'and commands got through');
cmp_ok($sum->{refused} // 0, '>', $KILLS / 10, 'and others were refused');
cmp_ok($sum->{events_acked} // 0, '>', $KILLS, 'and events');

# 101 7.3.2.7: the 32 bits behind the object address are the command's number.
stop_process($gate, 'TERM');
my %logged;
for (grep { $_->{event} eq 'op.command' } records($dir)) {
    $logged{ unpack 'V', pack 'H8', substr $_->{apdu}, 30, 8 } = 1;
}
is_deeply([ grep { !$logged{$_} } @executed ], [], scalar(@executed) . ' commands at the RTU, each in the log');
my ($verified, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ], seconds => 60);
is($verified, 0, 'the log verifies') or diag($out, $err);

done_testing;
