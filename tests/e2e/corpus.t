#!/usr/bin/perl
# The corpus of malformed and odd traffic (tests/corpus/): every row is played to a real
# gate process, whole, split at every octet and stacked with good APDUs, in both modes,
# enforced and observed, with another session open beside it; and `gate104 decode` must say
# the same of it.  What no row can say is looked at by the tests that the corpus names.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Test::More;

my $CORPUS = bin('hostile/gate_corpus');
die "$CORPUS is not built: make programs\n" if !-x $CORPUS;

my (undef, $list) = run_command([ $CORPUS, '--list' ]);
my (@rows, @elsewhere);
for (split /\n/, $list) {
    my ($kind, @field) = split /\t/, $_, -1;
    my %row;
    @row{ $kind eq 'row' ? qw(class from name verdict reason offset kind hex) : qw(class name file test) } = @field;
    push @{ $kind eq 'row' ? \@rows : \@elsewhere }, \%row;
}

# ---- nothing is left out ----

for my $class ((map { "class $_" } 1 .. 22), map { "twin $_" } 1 .. 7) {
    my @mine = grep { $_->{class} eq $class } @rows;
    my @else = grep { $_->{class} eq $class } @elsewhere;
    ok(@mine + @else > 0, sprintf '%s: %d rows, %d tests elsewhere', $class, scalar @mine, scalar @else);
}
for my $e (@elsewhere) {
  TODO: {
        local $TODO = $e->{file} eq '' ? $e->{test} : undef;
        my $there = $e->{file} ne '' && index(slurp("$FindBin::Bin/../../$e->{file}"), $e->{test}) >= 0;
        ok($there, "$e->{class}: $e->{name}: " . ($e->{file} ne '' ? "in $e->{file}" : 'nowhere'));
    }
}

# What needs time, or a route with 60870-5-7, has tests of its own.
my %elsewhere = ('ok' => 1, 'partial-timeout' => 1, 'segmented' => 1);
my %told = map { $_->{reason} => 1 } @rows;
my @reasons = slurp("$FindBin::Bin/../../policy/reason.def") =~ /^X\(REASON_\w+, \d+, "([\w-]+)"/mg;
cmp_ok(scalar @reasons, '>', 20, 'there are reasons to refuse');
is(join(' ', grep { !$told{$_} && !$elsewhere{$_} } @reasons), '', 'each has a row');

# ---- decode says the same ----

# What decode says of octets: a list of its APDUs.
sub decode {
    my ($from, $hex) = @_;
    my $in = spew(scratch() . '/in', $hex);
    my ($status, $out, $err) = run_command([ bin('gate104'), 'decode', '--json', '--direction', $from eq 'master' ? 'control' : 'monitor', '-' ], in => $in, seconds => 60);
    return $err =~ /Sanitizer/ ? () : map { decode_json($_) } split /\n/, $out;
}

# Its word on the first APDU that it does not accept, or on all of them.
sub verdict_of {
    my @apdus = @_;
    my ($bad) = grep { $_->{verdict} ne 'accepted' } @apdus;
    return @apdus ? 'accepted' : 'nothing' if !$bad;
    return $bad->{verdict} eq 'incomplete' ? 'incomplete' : "$bad->{reason} $bad->{reason_offset}";
}

subtest 'gate104 decode agrees' => sub {
    my $agrees = sub {
        my ($row, @apdus) = @_;
        my $want = $row->{verdict} eq 'wait' ? 'incomplete' : $row->{reason} eq 'ok' ? 'accepted' : "$row->{reason} $row->{offset}";
        is(verdict_of(@apdus), $want, "$row->{class}, $row->{name}, from the $row->{from}");
    };
    for my $from (qw(master station)) {
        my @mine = grep { $_->{kind} eq 'apdu' && $_->{from} eq $from } @rows;
        # Behind these decode reads on.
        my $goes_on = sub { return $_[0]{verdict} ne 'wait' && $_[0]{reason} !~ /^bad-(?:start|length|[isu])$/ && join('', apdus_of($_[0]{hex})) eq $_[0]{hex} };
        my @several = grep { $goes_on->($_) } @mine;
        my @apdus = decode($from, join '', map { $_->{hex} } @several);
        for my $row (@several) {
            my ($size, @its) = (0);
            while (@apdus && $size < length($row->{hex}) / 2) {
                push @its, shift @apdus;
                $size += $its[-1]{size};
            }
            $agrees->($row, @its);
        }
        is(scalar @apdus, 0, "and no more of the $from");
        $agrees->($_, decode($from, $_->{hex})) for grep { !$goes_on->($_) } @mine;
    }
};

# ---- a real gate ----

# Two at a time.
for my $enforced (qw(enforce observe)) {
    my %run = map { $_ => spawn_process([ $CORPUS, $BUILD, $_, $enforced ]) } qw(protect-rtu wrap-master);
    for my $mode (sort keys %run) {
        subtest "$mode, $enforced" => sub {
            my $status = stop_process($run{$mode}, undef, 600);
            my $out = slurp($run{$mode}{out});
            my ($plan) = $out =~ /^1\.\.(\d+)$/m;
            my @why;
            for my $line (split /\n/, $out) {
                if ($line =~ /^# (.*)/) {
                    push @why, $1;
                } elsif ($line =~ /^(not )?ok \d+ - (.*)/) {
                    ok(!$1, $2) or diag(join "\n", @why);
                    @why = ();
                }
            }
            is(Test::More->builder->current_test, $plan // 0, 'it told of every row');
            cmp_ok($plan // 0, '>=', @rows / 2, 'of the whole corpus');
            is($status, 0, 'with a good word') or diag($out =~ /(Bail.*)/, slurp($run{$mode}{err}));
        };
    }
}

done_testing;
