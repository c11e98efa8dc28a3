#!/usr/bin/perl
# gate104 log stats: operations by person, refusals by rule, percentiles, bounded tables.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Gate104;
use JSON::PP;
use LogSample;
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $t   = '2026-11-21T01:00:00.000Z';
my $s   = '"session":1099511627777';
my @records = ([ $t, 'session.open', 'notice', "$s," . '"subject":"CN=Anna,O=Grid"' ]);
push @records, [ $t, 'op.command', 'notice', "$s," . apdu_single(6, 1001, 1) ] for 1 .. 3;
push @records, [ $t, 'op.confirmed', 'notice', "$s,\"latency_ms\":$_" ] for reverse 1 .. 100;
push @records, [ $t, 'policy.refused', 'warning', "$s,\"rule\":\"rule-$_\"" ] for 1 .. 64, 1, 65, 66;
write_log("$dir/gate104.jsonl", @records);

my $text  = qx(@{[ bin('gate104') ]} log stats --json $dir);
is($? >> 8, 0, 'status');
my $stats = decode_json($text);
is($stats->{records}, 1 + 3 + 100 + 67, 'records');
is_deeply($stats->{people}{counts}, { Anna => 3 }, 'operations by person');
is_deeply($stats->{latency_ms}, { count => 100, min => 1, max => 100, p50 => 50, p90 => 90, p95 => 95, p99 => 99 }, 'latencies');
is($stats->{refusals}{counts}{'rule-1'}, 2, 'refusals by rule');
is(scalar keys %{ $stats->{refusals}{counts} }, 64, 'the table is bounded');
is($stats->{refusals}{others}, 2, 'what was cut is counted');

$text = qx(@{[ bin('gate104') ]} log stats $dir);
like($text, qr/^\s+99 %  within 99 ms$/m, 'percentiles in words');
like($text, qr/^\s+2  others \(more names than fit\)$/m, 'the cut in words');

done_testing;
