#!/usr/bin/perl
# The benchmark runs and says something of each thing it measures.  How long that takes on
# the machine of the tests means nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

die bin('bench') . " is not built: make programs\n" if !-x bin('bench');

my $NUMBERS = qr/(?: +\d+\.\d){3}/;

my ($status, $out, $err) = run_command([ bin('bench'), '-r', 1, '-m', 1 ], seconds => 120);
is($status, 0, 'ends well');
is($err, '', 'without complaint');
like($out, qr/^validate: a mix, (29|30|31)\.\d octets an APDU$/m, 'about 30 octets an APDU');
for my $row ('copied', 'framing alone', 'judged', '30 M_SP_TB_1, 1 object', '45 C_SC_NA_1', '10 points, 10 asked', '100000 points, 64 asked', '100000 points, 4096 asked') {
    like($out, qr/^\Q$row\E$NUMBERS/m, $row);
}

($status, $out) = run_command([ bin('bench'), '-r', 1, '-m', 1, 'decide' ], seconds => 120);
is($status, 0, 'one part alone');
unlike($out, qr/validate/, 'is alone');
for my $wrong ([ '-r', 0 ], [ '-r', '1x' ], [ '-m', -1 ], ['nothing']) {
    is((run_command([ bin('bench'), @$wrong ]))[0], 2, "refused: @$wrong");
}

($status, $out, $err) = run_command([ "$ROOT/tests/bench/decode", 50, 1 ], seconds => 120);
is($status, 0, 'decoders are measured') or diag($err);
like($out, qr/^\Q$_\E(?: +\d+\.\d+){5}$/m, $_) for 'gate104 decode --brief', 'gate104 decode', 'gate104 decode --json';

done_testing;
