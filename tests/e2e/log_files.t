#!/usr/bin/perl
# gate104 log show and stats read a log over all its files in the order of its chain, and
# follow it through rotations without losing or repeating a record.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use LogSample;
use Test::More;

my $t = '2026-11-21T01:00:00.000Z';
my $s = '"session":1099511627777,"route":"rtu-7"';

# Lines of a chain of n records.
sub chain {
    my ($n) = @_;
    my $file = scratch() . '/all';
    write_log($file, [ $t, 'session.open', 'notice', "$s," . '"subject":"CN=Anna,O=Grid"' ],
              map { [ $t, 'op.command', 'notice', "$s," . apdu_single(6, $_, 1) ] } 2 .. $n);
    return map { "$_\n" } split /\n/, slurp($file);
}

sub rotated { return sprintf 'gate104-%020d.jsonl', $_[0] }

sub add { my ($file, @lines) = @_; open my $out, '>>', $file or die "$file: $!"; print $out @lines; close $out }

sub show { my (@words) = @_; return run_command([ bin('gate104'), 'log', 'show', @words ]) }

my @lines = chain(9);

subtest 'a directory' => sub {
    my $dir = scratch();
    spew("$dir/gate104.jsonl", join '', @lines[ 6 .. 8 ]);
    spew("$dir/" . rotated(4), join '', @lines[ 3 .. 5 ]);
    spew("$dir/" . rotated(1), join '', @lines[ 0 .. 2 ]);
    spew("$dir/$_", "no record\n") for 'gate104-4.jsonl', rotated(0), rotated(7) . '.zst', 'torn-4.jsonl', 'damaged-9.jsonl';
    my ($status, $out) = show('--json', $dir);
    is($out, join('', @lines), 'all records in order');
    is($status, 0, 'and nothing else');
    ($status, $out) = show('--json', '--ioa', 2, $dir);
    is($out, $lines[1], 'filtered');
    ($status, $out) = show(map { "$dir/$_" } rotated(1), rotated(4), 'gate104.jsonl');
    is(scalar(() = $out =~ / Anna  /g), 9, 'the files by name, too, and who it was in the first of them');
    my $stats = decode_json((run_command([ bin('gate104'), 'log', 'stats', '--json', $dir ]))[1]);
    is("$stats->{records} $stats->{bad_lines} $stats->{people}{counts}{Anna}", '9 0 8', 'counted over all');
    # Put away between opening it and looking for the others.
    link "$dir/gate104.jsonl", "$dir/" . rotated(7) or die $!;
    ($status, $out) = show('--json', $dir);
    is($out, join('', @lines), 'one under both names is read once');
    unlink "$dir/gate104.jsonl", "$dir/" . rotated(7);
    ($status, $out) = show('--json', $dir);
    is("$status $out", '0 ' . join('', @lines[ 0 .. 5 ]), 'without one that is written');
};

subtest 'what is not there' => sub {
    my $dir = scratch();
    my ($status, $out, $err) = show($dir);
    is($status, 3, 'no log');
    like($err, qr{gate104\.jsonl: No such file}, 'and which');
    ($status, $out, $err) = show("$dir/none");
    is($status, 3, 'no directory');
    ($status, $out, $err) = show();
    is($status, 3, 'no name');
    spew("$dir/" . rotated(1), $lines[0] . substr $lines[1], 0, 50);
    spew("$dir/gate104.jsonl", join '', @lines[ 1 .. 2 ]);
    ($status, $out, $err) = show('--json', $dir);
    is("$status $out", '1 ' . join('', @lines[ 0 .. 2 ]), 'a torn end in the middle of a log');
    like($err, qr/no record/, 'is told');
    symlink 'nowhere', "$dir/" . rotated(2);
    ($status, $out, $err) = show('--json', $dir);
    is($status, 1, 'one that goes away');
    like($err, qr/${\rotated(2)}: No such file/, 'is told');
};

subtest 'following' => sub {
    my $dir  = scratch();
    my $live = "$dir/gate104.jsonl";
    my @all  = chain(60);
    my $next = 0;
    my $put  = sub { add($live, @all[ $next .. $next + $_[0] - 1 ]); $next += $_[0] };
    my $begun = 1;    # by the first record of the file that is written
    my $rotate = sub { rename $live, "$dir/" . rotated($begun) or die $!; $begun = $next + 1 };
    $put->(3);
    my $p = spawn_process([ bin('gate104'), 'log', 'show', '--json', '--follow', $dir ]);
    my $seen = sub { my ($n) = @_; return wait_until(sub { (() = slurp($p->{out}) =~ /\n/g) >= $n }) };
    ok($seen->(3), 'what was there');
    $put->(2);
    ok($seen->(5), 'what comes');
    $put->(1);
    $rotate->();
    $put->(2);
    ok($seen->(8), 'over a rotation');
    # Faster than it looks.
    for (1 .. 8) { $put->(3); $rotate->() }
    $put->(4);
    ok($seen->(36), 'over several');
    $rotate->();
    $put->(24);
    ok($seen->(60), 'to the end');
    is(stop_process($p, 'TERM') & 127, 15, 'until it is ended');
    is(slurp($p->{out}), join('', @all), 'each record once, in order');
};

subtest 'operations' => sub {
    my $dir = scratch();
    my $closed = sub { my ($outcome, $more) = @_; return [ $t, 'op.closed', 'notice', qq($s,"command_seq":999,"outcome":"$outcome","type":"C_DC_NA_1","type_id":46,"ca":1,"ioa":1001,"value":2$more) ] };
    write_log("$dir/gate104.jsonl", [ $t, 'session.open', 'notice', "$s," . '"subject":"CN=Anna,O=Grid"' ],
              (map { $closed->('executed', qq(,"confirm_ms":$_,"termination_ms":300,"state_ms":40,"state":2,"state_type":"M_DP_TB_1","state_cot":"spontaneous","state_ioa":2001,"state_quality":"blocked")) } 1 .. 100),
              $closed->('rejected', ',"confirm_ms":7'), $closed->('strange', ''),
              [ $t, 'log.thinned', 'warning', qq($s,"why":"rate","count":17,"points":20) ]);
    my ($status, $out) = show('--event', 'op.closed', $dir);
    my @shown = split /\n/, $out;
    like($shown[0], qr/C_DC_NA_1 CA 1 IOA 1001 = on -> executed of record 999 confirmed after 1 ms terminated after 300 ms state on at IOA 2001 spontaneous \(blocked\) after 40 ms$/, 'in words');
    like($shown[100], qr/= on -> rejected of record 999 confirmed after 7 ms$/, 'without a state');
    my $stats = decode_json((run_command([ bin('gate104'), 'log', 'stats', '--json', $dir ]))[1]);
    is_deeply($stats->{operations}{people}, { Anna => { executed => 100, rejected => 1, open => 1 } }, 'by person and outcome');
    is($stats->{operations}{confirm_ms}{p99}, 99, 'how fast');
    is($stats->{operations}{state_ms}{count}, 100, 'how often');
    is($stats->{thinned}, 17, 'values without a record');
    my $text = (run_command([ bin('gate104'), 'log', 'stats', $dir ]))[1];
    like($text, qr/^\s+102  Anna: open 1, executed 100, rejected 1$/m, 'in words');
    like($text, qr/^17 APDUs with values have no record/m, 'all of it');
};

done_testing;
