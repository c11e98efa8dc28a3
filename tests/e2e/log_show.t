#!/usr/bin/perl
# gate104 log show: each filter alone and together; wrong values are said, not ignored.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Gate104;
use LogSample;
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $s1  = '"session":1099511627777,"route":"rtu-7"';
my $s2  = '"session":1099511627778,"route":"rtu-8"';
write_log("$dir/gate104.jsonl",
    [ '2026-11-21T01:00:00.000Z', 'session.open', 'notice', "$s1," . '"source":"10.0.0.5:40000","subject":"CN=Anna,O=Grid"' ],
    [ '2026-11-21T02:00:00.000Z', 'op.command',   'notice', "$s1," . apdu_single(6, 1001, 1) . ',"verdict":"pass","rule":"breakers","command_seq":2' ],
    [ '2026-11-21T02:00:00.020Z', 'op.confirmed', 'notice', "$s1," . apdu_single(7, 1001, 1) . ',"command_seq":2,"latency_ms":20' ],
    [ '2026-11-21T03:00:00.000Z', 'session.open', 'notice', "$s2," . '"source":"10.0.0.6:40001","subject":"CN=Bert,O=Grid"' ],
    [ '2026-11-21T04:00:00.000Z', 'policy.refused', 'warning', "$s2," . apdu_single(6, 2002, 0) . ',"verdict":"refuse","command_seq":5' ],
);

sub show {
    my (@args) = @_;
    my $pid = open my $in, '-|';
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec bin('gate104'), 'log', 'show', @args, $dir or die $!;
    }
    my $text = join '', <$in>;
    close $in;
    return ($? >> 8, $text);
}

sub numbers { my (undef, $text) = show('--json', @_); return join ' ', $text =~ /"seq":(\d+)/g }

for my $row (
    [ 'all',                      '1 2 3 4 5' ],
    [ 'since',                    '4 5',     '--since', '2026-11-21T03:00' ],
    [ 'until is exclusive',       '1 2 3',   '--until', '2026-11-21T03:00' ],
    [ 'since and until',          '3',       '--since', '2026-11-21 02:00:00.001', '--until', '2026-11-21T03:00:00Z' ],
    [ 'a day',                    '',        '--until', '2026-11-21' ],
    [ 'an age',                   '1 2 3 4 5', '--since', '36500d' ],
    [ 'route',                    '4 5',     '--route', 'rtu-8' ],
    [ 'peer by name, all it did', '1 2 3',   '--peer', 'Anna' ],
    [ 'peer by address',          '4',       '--peer', '10.0.0.6' ],
    [ 'CA',                       '2 3 5',   '--ca', 1 ],
    [ 'another CA',               '',        '--ca', 2 ],
    [ 'IOA',                      '2 3',     '--ioa', 1001 ],
    [ 'type by name',             '2 3 5',   '--type', 'C_SC_NA_1' ],
    [ 'type by number',           '2 3 5',   '--type', 45 ],
    [ 'another type',             '',        '--type', 46 ],
    [ 'verdict',                  '5',       '--verdict', 'refuse' ],
    [ 'session as shown',         '4 5',     '--session', 2 ],
    [ 'session in full',          '1 2 3',   '--session', 1099511627777 ],
    [ 'event',                    '2 3',     '--event', 'op.' ],
    [ 'all together',             '3',       '--peer', 'Anna', '--ioa', 1001, '--event', 'op.confirmed', '--ca', 1 ],
) {
    my ($name, $expected, @args) = @$row;
    is(numbers(@args), $expected, $name);
}

for my $row ([ '--since', 'yesterday' ], [ '--until', '2026-02-30' ], [ '--ioa', 'x' ], [ '--ca', -1 ], [ '--type', 'C_XX_NA_1' ], [ '--session', '1x' ]) {
    my ($status, $text) = show(@$row);
    is($status, 3, "@$row: refused");
    like($text, qr/^gate104 log: \Q$row->[1]\E: expected /, "@$row: says what it expects");
}

my ($status, $text) = show('--ioa', 1001);
is($status, 0, 'status');
like($text, qr/^2026-11-21 02:00:00\.000  1\s+rtu-7\s+op\.command\s+Anna\s+C_SC_NA_1 activation CA 1 IOA 1001 = on -> pass/, 'columns');

done_testing;
