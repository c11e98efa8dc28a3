#!/usr/bin/perl
# Tampered logs, by who has an editor, who computes the hashes anew, who has keys of his own
# and who has the machine's signing key: each is found by gate104 log verify and by a second
# verifier in Python, and both name the same record.  tests/unit/audit_tamper_test.c does the
# same for each octet of a log and for 10^5 random edits.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Test::More;

my $LIB   = "$FindBin::Bin/../lib";
my $DIR   = scratch();
my @WORDS = qw(ok tampered incomplete unusable);
# Both programs hold the same verifier; the static one starts sooner.
my $VERIFY = bin('gate104-verify');

if (system('python3 -c "import cryptography" 2>/dev/null') != 0) {
    plan skip_all => 'python3-cryptography is not installed';
}

sub verify_c {
    my ($args, @command) = @_;
    @command = ($VERIFY) if !@command;
    my ($status, $out, $err) = run_command([ @command, @$args, '--json' ]);
    my $json = eval { decode_json($out) };
    return { status => $status, json => $json, bad => $json->{bad} // {}, text => "$out$err" };
}

sub python_verdicts {
    my (@cases) = @_;
    my $in = spew("$DIR/arguments", join '', map { encode_json($_->{args}) . "\n" } @cases);
    my ($status, $out, $err) = run_command([ 'sh', '-c', 'exec python3 "$1" --batch < "$2"', '-', "$LIB/log_verify.py", $in ], seconds => 120);
    is($status, 0, 'the second verifier runs') or diag $err;
    return map { decode_json($_) } split /\n/, $out;
}

sub list { return ref $_[0] ? @{ $_[0] } : ($_[0]) }

# True if the place is one of those where the case has its first bad record.
sub place_fits {
    my ($case, $bad) = @_;
    return 1 if !defined $case->{file};
    my @files = list($case->{file});
    my @lines = list($case->{line});
    return scalar grep { ($bad->{file} // '') eq $files[$_] && ($bad->{line} // 0) == $lines[$_] } 0 .. $#files;
}

sub check {
    my ($case, $python) = @_;
    my $got = verify_c($case->{args});
    my $bad = $got->{bad};
    my @faults;
    push @faults, "status $got->{status}" if $got->{status} != $case->{state};
    push @faults, "state $got->{json}{state}" if $got->{json} && $got->{json}{state} ne $WORDS[ $case->{state} ];
    push @faults, 'another place' if !place_fits($case, $bad);
    push @faults, 'nothing said of why' if $case->{state} != 0 && $case->{state} != 3 && !$bad->{why};
    push @faults, "the second verifier says $python->{state}" if $python->{state} != $case->{state};
    push @faults, "the second verifier names another record"
        if join(' ', map { $bad->{$_} || '' } qw(file line seq)) ne join(' ', map { $python->{$_} || '' } qw(file line seq))
        && ($bad->{line} || $python->{line});
    return 1 if !@faults;
    diag "$case->{name} (@{ $case->{args} }): ", join ', ', @faults;
    diag $got->{text}, encode_json($python);
    return 0;
}

subtest 'tampered logs' => sub {
    my ($status, $out, $err) = run_command([ 'python3', "$LIB/tamper_cases.py", $DIR ], seconds => 120);
    is($status, 0, 'they are made') or diag $err;
    my @cases = map { decode_json($_) } split /\n/, $out;
    cmp_ok(scalar @cases, '>', 350, scalar(@cases) . ' of them');
    my @python = python_verdicts(@cases);
    my %kinds;
    my $missed = 0;
    for my $i (0 .. $#cases) {
        $missed++ if !check($cases[$i], $python[$i]);
        $kinds{ $cases[$i]{state} }++;
    }
    is($missed, 0, 'each is judged, and its first bad record named, as it must be');
    cmp_ok($kinds{$_}, '>=', 1, "$kinds{$_} of them $WORDS[$_]") for 0 .. 3;
};

subtest 'the vectors' => sub {
    my $vectors = "$FindBin::Bin/../vectors/log";
    my @args    = ("$vectors/sealed.jsonl", '--key', "$vectors/seal.pub", '--seed', "$vectors/seed");
    my $got     = verify_c(\@args);
    is($got->{status}, 0, 'whole');
    is($got->{json}{seals}{signatures}, 2, 'two signatures');
    is($got->{json}{seals}{macs}, 2, 'two MACs');
    is((python_verdicts({ args => \@args }))[0]{state}, 0, 'for the second verifier, too');
};

subtest 'gate104 log verify says the same as gate104-verify' => sub {
    my @lines = split /\n/, (run_command([ 'python3', "$LIB/tamper_cases.py", $DIR ], seconds => 120))[1];
    for my $i (0, 2, 40, 200, 300) {
        my $args = decode_json($lines[$i])->{args};
        is(verify_c($args, bin('gate104'), 'log', 'verify')->{text} =~ s/"age_s":\d+//r, verify_c($args)->{text} =~ s/"age_s":\d+//r, "@$args");
    }
};

subtest 'what is typed wrong' => sub {
    my $log = "$DIR/log-0001";
    my %table = (
        'no log'            => [ [], qr/usage:/ ],
        'two logs'          => [ [ $log, $log ], qr/usage:/ ],
        'no such option'    => [ [ $log, '--what' ], qr/usage:/ ],
        'no such key'       => [ [ $log, '--key', "$DIR/none" ], qr/none: No such file/ ],
        'a log as key'      => [ [ $log, '--key', "$log/gate104.jsonl" ], qr/no PEM file/ ],
        'a private key'     => [ [ $log, '--key', "$FindBin::Bin/../vectors/log/seal.key" ], qr/a private key: give the public one/ ],
        'an RSA key'        => [ [ $log, '--key', spew("$DIR/rsa.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n") ], qr/no Ed25519 public key/ ],
        'a slip in a seed'  => [ [ $log, '--seed', spew("$DIR/slip", slurp("$FindBin::Bin/../vectors/log/seed") =~ s/2/3/r) ], qr/slip of the hand/ ],
        'half a seed'       => [ [ $log, '--seed', spew("$DIR/half", '2021-2223') ], qr/not the 64 hex digits/ ],
        'no anchor in it'   => [ [ $log, '--anchors', spew("$DIR/noanchor", "\n") ], qr/no anchor is in it/ ],
        'a bad anchor'      => [ [ $log, '--anchors', spew("$DIR/bad", "\n7 abc\n") ], qr/line 2 of the anchors.*neither a seal nor/s ],
        'no such log'       => [ ["$DIR/none"], qr/No such file/ ],
    );
    for my $what (sort keys %table) {
        my ($args, $text) = @{ $table{$what} };
        my ($status, $out, $err) = run_command([ $VERIFY, @$args ]);
        is($status, 3, "$what: 3");
        like("$out$err", $text, 'with the reason');
    }
    my ($status, $out) = run_command([ $VERIFY, $log, '--quiet' ]);
    is($status, 0, '--quiet: the status');
    is($out, '', 'and nothing else');
};

subtest 'the seed from standard input' => sub {
    my $vectors = "$FindBin::Bin/../vectors/log";
    my ($status, $out) = run_command([ 'sh', '-c', '"$1" "$2" --seed - < "$3"', '-', $VERIFY, "$vectors/sealed.jsonl", "$vectors/seed" ]);
    is($status, 0, 'taken');
    like($out, qr/2 MACs checked/, 'and used');
};

subtest 'the progress of it, on a terminal' => sub {
    my ($status, $out) = run_command([ 'script', '-qec', "$VERIFY $DIR/log-0001", '/dev/null' ]);
    is($status, 0, 'verified');
    like($out, qr/OK\r?\n/, 'a verdict');
};

subtest 'static' => sub {
    plan skip_all => 'sanitizer build' if $BUILD =~ /-san$/;
    my (undef, $out, $err) = run_command([ 'ldd', $VERIFY ]);
    like("$out$err", qr/statically linked|not a dynamic executable/, 'ldd finds nothing to load');
    my (undef, $symbols) = run_command([ 'readelf', '-lW', $VERIFY ]);
    unlike($symbols, qr/INTERP/, 'no loader');
    like($symbols, qr/GNU_RELRO/, 'relocations become read-only');
    my (undef, $names) = run_command([ 'nm', $VERIFY ]);
    my @here = map { /\s[TWi]\s+(\S+)$/ ? $1 : () } split /\n/, $names;
    is(join(' ', grep { /^(?:getaddrinfo|gethostbyname\w*|getpw\w+|getservby\w+)$/ } @here), '', 'asks nobody for names');
    is(join(' ', grep { /^(?:imsg_|sandbox_|loop_|json_|config_|SSL_)/ } @here), '', 'no parts of a daemon');
    cmp_ok(scalar @here, '>', 1000, 'its own names are there to be read');
};

done_testing();
