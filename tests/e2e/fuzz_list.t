#!/usr/bin/perl
# No message between processes whose parser no fuzz target knows: each one of messages.def
# that has a payload stands in the header of some target, on its list "Messages:".
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $catalogue = slurp("$ROOT/sandbox/messages.def") =~ s{/\*.*?\*/}{}sgr;
my %message;
while ($catalogue =~ /^X\((\w+),\s*\d+,\s*[^,]+,\s*[^,]+,\s*([^,]+),\s*([^,]+),/mg) { $message{$1} = "$2 $3" }
cmp_ok(scalar(keys %message), '>', 40, 'the catalogue is read');

my (%target, @strange);
for my $file (glob "$ROOT/fuzz/*.c") {
    my ($name)  = $file =~ m{/(\w+)\.c$};
    my ($list) = slurp($file) =~ m{^/\*.*?^ \* Messages: (.*?)^ \*(?:/|$)}sm or next;
    for my $m ($list =~ /\b([A-Z][A-Z_]+)\b/g) {
        push @{ $target{$m} }, $name;
        push @strange, "$name: $m" if !exists $message{$m};
    }
}
is("@strange", '', 'targets name only what there is');
is(join(' ', sort grep { $message{$_} ne '0 0' && !$target{$_} } keys %message), '', 'each message is in the list of a target');
# What has no payload has no parser but imsg_recv().
like(slurp("$ROOT/fuzz/imsg.c"), qr/Target functions: imsg_recv\b/, 'which has its own');
done_testing;
