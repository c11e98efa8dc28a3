#!/usr/bin/perl
# Every role process against a monitor and neighbours that break the message catalogue in
# every way messages.def lets one think of (tests/hostile/).  A role must refuse each, say
# who it was, end only what belongs to the offender, and live on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $HOSTILE = bin('hostile/ipc_hostile');
die "$HOSTILE is not built: make programs\n" if !-x $HOSTILE;

my $dir = scratch();
system("cp '" . pki() . "'/* '$dir/' 2>/dev/null");
chmod 0755, $dir;

for my $role (qw(broker tls gate signer audit fetcher)) {
    subtest $role => sub {
        my ($status, $out, $err) =
            run_command([ $HOSTILE, $BUILD, $dir, $role ], seconds => 300);
        my ($plan) = $out =~ /^1\.\.(\d+)$/m;
        my @why;
        for my $line (split /\n/, $out) {
            if ($line =~ /^# (.*)/) {
                push @why, $1;
                next;
            }
            next if $line !~ /^(not )?ok \d+ - (.*?)(?: # TODO (.*))?$/;
            my ($good, $name, $todo) = (!$1, $2, $3);
          TODO: {
                local $TODO = $todo;
                ok($good, $name) or diag(join "\n", @why);
            }
            @why = ();
        }
        cmp_ok($plan // 0, '>', 200, 'it came to its end');
        is(Test::More->builder->current_test - 1, $plan // 0, 'and told of every case');
        is($status, 0, 'with a good word') or diag $err;
    };
}

done_testing;
