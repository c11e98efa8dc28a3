#!/usr/bin/perl
# Operations between the simulated master and RTU: every kind of command with what the point
# returned, at the addresses that the configuration leads to.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $policy = qq(monitor = { default = "pass"; };\ncontrol = { default = "pass"; };\n);
my $rtu = start_rtu();
my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $policy,
                      # The RTU's map of points.
                      feedback => [ '1001-1100 -> 1', '1101-1200 -> 101', '1201-1300 -> 201', '1301-1400 -> 601', '1401-1500 -> 501',
                                    '1501-1600 -> 401', '1601-1700 -> 301', '2001-2010 -> 1' ] });

my @commands = (
    # command                            type         outcome and the state
    [ 'single 1001 on select execute'     => 'C_SC_NA_1', 'executed 1 at 1 return-remote' ],
    [ 'double 1102 off select execute timed' => 'C_DC_TA_1', 'executed 1 at 102 return-remote' ],
    [ 'step 1203 higher'                  => 'C_RC_NA_1', 'executed \d+ at 203 return-remote' ],
    [ 'setpoint-float 1304 12.5 select execute' => 'C_SE_NC_1', 'executed 12.5 at 604 spontaneous' ],
    [ 'setpoint-scaled 1405 -7'           => 'C_SE_NB_1', 'executed -7 at 505 spontaneous' ],
    [ 'setpoint-normalized 1506 0.5'      => 'C_SE_NA_1', 'executed 0.5 at 406 spontaneous' ],
    [ 'bitstring 1607 3735928559'         => 'C_BO_NA_1', 'executed 3735928559 at 307 spontaneous' ],
    [ 'single 1001 off select cancel'     => 'C_SC_NA_1', 'cancelled' ],
    [ 'single 3001 on'                    => 'C_SC_NA_1', 'rejected execute' ],
    [ 'single 2001 on'                    => 'C_SC_NA_1', 'rejected execute' ],
    [ 'single 3001 on select'             => 'C_SC_NA_1', 'rejected select' ],
    [ 'single 5555 on'                    => 'C_SC_NA_1', 'rejected execute' ],
    [ 'gi'                                => 'C_IC_NA_1', 'executed' ],
    [ 'clock'                             => 'C_CS_NA_1', 'executed' ],
    [ 'test'                              => 'C_TS_TA_1', 'executed' ],
);
my $master = run_master($g->{port}, tls_client(pki()), map { $_->[0] } @commands);
is($master->{status}, 0, 'all commands are answered') or diag $master->{err};
ok(wait_record($g->{dir}, { event => 'session.close' }), 'the end');
my @all    = records($g->{dir});
my %bySeq  = map { $_->{seq} => $_ } @all;
# In the order in which they began.
my @closed = sort { ($a->{select_seq} // $a->{command_seq}) <=> ($b->{select_seq} // $b->{command_seq}) } grep { $_->{event} eq 'op.closed' } @all;
is(scalar @closed, scalar @commands, 'one record for each operation');
for my $c (@commands) {
    my ($words, $type, $want) = @$c;
    my $r = shift @closed // {};
    my $got = join ' ', $r->{outcome} // 'nothing', $r->{why} // (), defined $r->{state} ? ($r->{state}, 'at', $r->{state_ioa}, $r->{state_cot}) : ();
    like($got, qr/^$want$/, $words);
    is($r->{type}, $type, '... its type');
    is($bySeq{ $r->{command_seq} // 0 }{event}, 'op.command', '... its command');
    is(defined $r->{select_seq} ? $bySeq{ $r->{select_seq} }{select} // 0 : 1, 1, '... and its select') if $words =~ /select (?:execute|cancel)/;
}
my %named = map { $_ => 1 } map { ($_->{command_seq}, $_->{select_seq} // ()) } grep { $_->{event} eq 'op.closed' } @all;
my @unnamed = grep { $_->{event} eq 'op.command' && !$named{ $_->{seq} } } @all;
is(scalar @unnamed, 0, 'no command is without one') or diag map { "$_->{seq} $_->{type} $_->{ioa} $_->{cot}\n" } @unnamed;
stop_process($g->{gate}, 'TERM');
done_testing;
