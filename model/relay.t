#!/usr/bin/perl
# Searches the model of the relay (relay.pml) to its last state with spin, in a number of
# sizes, and sees that the search finds what it is there to find: each fault of @faults,
# put into the model, must be reported.  MODEL_LONG=1 adds larger sizes.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp     qw(tempdir);
use Test::More;

my $here = dirname(__FILE__);
my ($spin) = grep { -x } map { "$_/spin" } split /:/, $ENV{PATH};
plan skip_all => 'spin is not installed' unless $spin;

my $model = do { local (@ARGV, $/) = "$here/relay.pml"; <> };
my $all   = 'HOLD DROP REFUSE';

# name => [ settings, what it is for ]
my @sizes = (
    ['window of 2'   => "K=2 MODULUS=3 QIN=2 QOUT=2 ROTATE $all"],
    ['window of 3'   => "K=3 MODULUS=4 QIN=1 QOUT=2 ROTATE $all"],
    ['numbers wrap'  => "K=2 MODULUS=3 QIN=1 QOUT=1 $all"],
    ['start, stop, loss' => "K=2 MODULUS=3 QIN=2 QOUT=3 ROTATE U IDLE LOSS $all"],
    ['test frames'   => "K=1 MODULUS=2 QIN=2 QOUT=3 ROTATE U TEST LOSS $all"],
    ['hostile master'  => "K=1 MODULUS=2 QIN=1 QOUT=2 ROTATE HOSTILE=0 $all"],
    ['hostile station' => "K=1 MODULUS=2 QIN=1 QOUT=2 ROTATE HOSTILE=1 $all"],
    ['hostile master, start, stop'  => 'K=1 MODULUS=2 QIN=1 QOUT=2 ROTATE U HOSTILE=0 REFUSE'],
    ['hostile station, start, stop' => 'K=1 MODULUS=2 QIN=1 QOUT=2 ROTATE U HOSTILE=1 REFUSE'],
    ['comes to rest' => "K=2 MODULUS=3 QIN=1 QOUT=2 ROTATE PROGRESS $all"],
    ['comes to rest, start, stop, loss' =>
            "K=1 MODULUS=2 QIN=1 QOUT=3 ROTATE PROGRESS U IDLE TEST LOSS $all"],
);
push @sizes, (
    ['long queues'     => "K=3 MODULUS=4 QIN=3 QOUT=3 ROTATE $all"],
    ['everything'      => "K=2 MODULUS=3 QIN=2 QOUT=3 ROTATE U IDLE TEST LOSS $all"],
    ['hostile master, window of 2'  => "K=2 MODULUS=3 QIN=1 QOUT=2 ROTATE HOSTILE=0 $all"],
    ['hostile station, window of 2' => "K=2 MODULUS=3 QIN=1 QOUT=2 ROTATE HOSTILE=1 $all"],
) if $ENV{MODEL_LONG};

my $data  = "K=2 MODULUS=3 QIN=2 QOUT=2 ROTATE $all";
my $start = "K=1 MODULUS=2 QIN=2 QOUT=3 ROTATE U TEST LOSS REFUSE";

# name => [ settings, text of the model, what is put in its place ]
my @faults = (
    ['acknowledges what was only forwarded', $data,
        '((number) == CONSUMED ||', '((number) >= 0 ||'],
    ['acknowledges what it has not settled', $data,
        'emit(leg, what, side[leg].vs, side[leg].due);',
        'emit(leg, what, side[leg].vs, side[leg].vr);'],
    ['forgets an acknowledgement that is due', $data,
        '(side[leg].told != side[leg].due && FREE(leg, 1))', '(false)'],
    ['says an acknowledgement twice', $data,
        "    emit(leg, S_FRAME, 0, side[leg].due);\n        tell(leg)",
        '    emit(leg, S_FRAME, 0, side[leg].due)'],
    ['forwards a frame twice', $data,
        "put_i(OTHER(leg), w);\n        line_leave(leg);", 'put_i(OTHER(leg), w);'],
    ['takes the second frame of a line first', $data,
        'w = side[leg].line[0];',
        'w = (side[leg].line_count > 1 && IS_I(side[leg].line[1]) && '
            . 'side[leg].head == SLOT_FORWARD -> side[leg].line[1] : side[leg].line[0]);'],
    ['does not answer what it refuses', $data,
        'put_i(leg, w + (REPLY - DATA));', 'skip;'],
    ['answers before there is room', $data,
        '(HAS_ROOM_FOR_I(leg) && !WAITS', '(OUTPUT_HAS_ROOM(leg) && !WAITS'],
    ['acknowledges a refused command before its answer', $data,
        'side[leg].head = SLOT_REPLY; line_move() }',
        'side[leg].head = SLOT_REPLY; settle(leg, CONSUMED); line_move() }'],
    ['forgets that it dropped a frame', $data,
        'line_leave(leg); settle(leg, CONSUMED); line_move() }',
        'line_leave(leg); line_move() }'],
    ['leaves N(R) of an I-frame unread', $data,
        "line_join(leg, what);\n        acknowledge(leg, nr)", 'line_join(leg, what)'],
    ['accuses a station by what it cannot know yet', $data,
        'DISTANCE(side[leg].told, side[leg].vr) >= K || !NR',
        'DISTANCE(side[leg].told, side[leg].vr) >= K - 1 || !NR'],
    ['takes more than a window', "$data HOSTILE=0",
        'DISTANCE(side[leg].told, side[leg].vr) >= K ||', ''],
    ['takes the acknowledgement of what was not sent', "$data HOSTILE=1",
        '(DISTANCE(side[leg].va, nr) <= DISTANCE(side[leg].va, side[leg].vs))', '(true)'],
    ['has a line without room for U-frames', $start, '#define LINE (K + 4)',
        '#define LINE (K + 0)'],
    ['passes the STOPDT con before its answers are acknowledged', $start,
        'side[leg].line[0] == STOPDT_CON && side[OTHER(leg)].inserted_open', 'false'],
    ['puts a U-frame before the acknowledgement that is due', $start,
        "put_due_s(leg);\n    emit(leg, what, 0, 0)", 'emit(leg, what, 0, 0)'],
    ['lets a con through that answers nothing', "K=1 MODULUS=2 QIN=1 QOUT=2 ROTATE TEST HOSTILE=1",
        '    :: side[leg].tests > 0 -> side[leg].tests--; line_join(leg, what)',
        '    :: true -> line_join(leg, what)'],
    ['believes in a start too late', $start,
        '            :: else -> view_change(leg, what); line_join(leg, what)',
        '            :: else -> if :: what != STARTDT_CON -> view_change(leg, what) :: else fi; '
            . 'line_join(leg, what)'],
    ['keeps one leg when the other is lost', $start, 'shut[LEG_STATION] = 1;', 'skip;'],
    ['is busy for nothing', "K=1 MODULUS=2 QIN=1 QOUT=2 ROTATE PROGRESS REFUSE",
        'put_due_s(leg); OLD }', "put_due_s(leg); OLD }\n    :: d_step { !closed -> OLD }"],
    ['counts past the end of the numbers', 'K=2 MODULUS=3 QIN=1 QOUT=1 HOLD DROP REFUSE',
        "side[leg].vs = NEXT(side[leg].vs);\n    tell",
        "side[leg].vs = side[leg].vs + 1;\n    tell"],
);

# The verdict of spin's search: 'holds', 'fails' or what went wrong, and the figures.
sub search_model {
    my ($settings, $text, $depth) = @_;
    my $dir = tempdir(CLEANUP => 1);
    open my $f, '>', "$dir/m.pml" or die "$dir: $!";
    print $f $text;
    close $f or die "$dir: $!";
    my $defines = join ' ', map { "-D$_" } split / /, $settings;
    my $live    = $settings =~ /PROGRESS/;
    my $mode    = $live ? '' : '-DSAFETY -DNOCLAIM';
    # What finds its fault at once is compiled faster than it runs.
    my $optimise = $depth > 10_000 ? '-O1' : '-O0';
    my $out      = `cd $dir && $spin -a $defines m.pml 2>&1`;
    return ("spin: $out") if $? || !-e "$dir/pan.c";
    $out = `cd $dir && cc $optimise -w $mode -DCOLLAPSE -DVECTORSZ=4096 -DMEMLIM=6000 -o pan pan.c 2>&1`;
    return ("cc: $out") if $?;
    my $how = $live ? '-a' : '';
    $out = `cd $dir && ./pan $how -m$depth -w22 2>&1`;
    my $errors = $out =~ /errors: (\d+)/ ? $1 : 'none told';
    my ($states) = $out =~ /([\d.e+]+) states, stored/;
    return ('fails', $states) if $errors eq '1' && $out =~ /assertion violated|acceptance cycle/;
    return ('holds', $states)
        if $errors eq '0' && $out !~ /depth too small|MEMLIM|out of memory|Search not completed/i;
    return ($out);
}

for my $s (@sizes) {
    my ($name, $settings) = @$s;
    my ($verdict, $states) = search_model($settings, $model, 4_000_000);
    is $verdict, 'holds', "$name ($settings)" . ($states ? ": $states states" : '');
}

for my $m (@faults) {
    my ($name, $settings, $text, $instead) = @$m;
    my $broken = $model;
    my $at     = index $broken, $text;
    if ($at < 0 || index($broken, $text, $at + 1) >= 0) {
        fail "$name: its place is in the model once";
        next;
    }
    substr $broken, $at, length $text, $instead;
    is((search_model($settings, $broken, 5_000))[0], 'fails', "found: a relay that $name");
}

done_testing;
