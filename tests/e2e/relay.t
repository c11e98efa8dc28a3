#!/usr/bin/perl
# More than 1,000 refused commands in one session while 10,000 spontaneous events flow: no
# event is lost or out of order, each refused command gets its answer, the session stays.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my ($EVENTS, $COMMANDS) = (10_000, 3_600);    # a third of the commands is forbidden

my $pki = pki();
my ($port, $rtu) = map { free_port() } 1, 2;
my $dir = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"],
    rtu => ["127.0.0.1:$rtu"], policy_text => <<'P' } ]);
control = { default = "refuse"; rules = (
  { name = "outputs"; types = [ "C_BO_NA_1" ]; ca = [ 1 ]; ioa = [ 1001 ]; } ); };
P
my $gate = start_gate104($dir);
my ($status, $out, $err) = run_command([ bin('torture/stations'), "127.0.0.1:$rtu", "127.0.0.1:$port",
    "$pki/master.crt", "$pki/master.key", "$pki/ca.crt", 2000, 700, $EVENTS, $COMMANDS ], seconds => 90);
my ($sum) = json_lines($out);

is($status, 0, 'nothing lost, repeated, reordered or answered twice') or diag($err);
is($sum->{sessions}, 1, 'one session');
is($sum->{events_acked}, $EVENTS, 'every event came and was acknowledged');
is($sum->{commands}, $COMMANDS, 'so many commands were sent');
cmp_ok($sum->{refused}, '>=', 1000, 'more than 1,000 were refused');
is($sum->{refused}, $sum->{forbidden}, 'all of these are the forbidden ones, each with its answer');
is($sum->{confirmed}, $COMMANDS - $sum->{forbidden}, 'the others were confirmed by the RTU');
stop_process($gate, 'TERM');
my ($close) = grep { $_->{event} eq 'session.close' } records($dir);
is("$close->{refused} $close->{master_i} $close->{dropped}", "$sum->{refused} $COMMANDS 0", 'and the log counts the same');
is(scalar(grep { $_->{event} eq 'policy.refused' } records($dir)), $sum->{refused}, 'with a record for each');

done_testing;
