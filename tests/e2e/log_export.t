#!/usr/bin/perl
# gate104 log export: tshark decodes what it writes with no options; nothing is overwritten.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Gate104;
use LogSample;
use Test::More;

plan skip_all => 'no tshark' if !grep { -x "$_/tshark" } split /:/, $ENV{PATH};

my $dir = tempdir(CLEANUP => 1);
$ENV{HOME} = $dir;
$ENV{TZ}   = 'UTC';
write_log("$dir/gate104.jsonl",
    [ '2026-11-21T01:00:00.000Z', 'session.open', 'notice', '"session":1099511627777,"source":"10.0.0.5:40000"' ],
    [ '2026-11-21T02:00:00.000Z', 'op.command',   'notice', '"session":1099511627777,' . apdu_single(6, 1001, 1) ],
    [ '2026-11-21T02:00:00.020Z', 'op.confirmed', 'notice', '"session":1099511627777,' . apdu_single(7, 1001, 1) ],
    [ '2026-11-21T04:00:00.000Z', 'policy.refused', 'warning', '"session":1099511627778,' . apdu_single(6, 2002, 0) ],
    [ '2026-11-21T04:00:01.000Z', 'apci.malformed', 'alarm', '"session":1099511627778,"apdu":"' . '00' x 256 . '"' ],
    [ '2026-11-21T04:00:02.000Z', 'apci.malformed', 'alarm', '"session":1099511627778,"apdu":"6x04"' ],
);

sub export { return system(bin('gate104') . " log export @_ 2>$dir/err") >> 8 }

sub tshark {
    my ($file) = @_;
    my @fields = map { ('-e', $_) } qw(frame.time_epoch iec60870_104.type iec60870_asdu.typeid iec60870_asdu.causetx iec60870_asdu.ioa frame.comment);
    open my $in, '-|', 'tshark', '-r', $file, '-T', 'fields', '-E', 'separator=|', @fields or die $!;
    my @lines = map { s/\n//r } <$in>;
    close $in;
    return @lines;
}

is(export("--pcapng --all -o $dir/all.pcapng $dir"), 0, 'all');
is_deeply([ tshark("$dir/all.pcapng") ], [
    '1795226400.000000000|0x00000000|45|6|1001|record 2: op.command',
    '1795226400.020000000|0x00000000|45|7|1001|record 3: op.confirmed',
    '1795233600.000000000|0x00000000|45|6|2002|record 4: policy.refused',
], 'tshark decodes each APDU, in order and in time; what is no APDU is left out')
    or diag explain [ tshark("$dir/all.pcapng") ];

is(export("--pcapng 2 $dir >$dir/two.pcapng"), 0, 'one session, to standard output');
like(join("\n", tshark("$dir/two.pcapng")), qr/^\S+record 4: policy\.refused$|^[^\n]*\|2002\|record 4: policy\.refused$/, 'only its APDUs');

open my $raw, '<:raw', "$dir/all.pcapng" or die $!;
my $octets = do { local $/; <$raw> };
like($octets, qr/only the APDUs that the session log holds/, 'says what is in it');

my $before = -s "$dir/gate104.jsonl";
is(export("--pcapng --all -o $dir/gate104.jsonl $dir"), 3, 'a file that exists is refused');
is(-s "$dir/gate104.jsonl", $before, 'and left alone');
is(export("--pcapng x -o $dir/x $dir"),  3, 'a session that is no number');
is(export("--all -o $dir/x $dir"),       3, 'no format');
is(export("--pcapng --all $dir/none"),   3, 'no log');
is(export("--pcapng --all $dir >/dev/full"), 3, 'a full disk is told') if -e '/dev/full';

done_testing;
