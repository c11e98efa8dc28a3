#!/usr/bin/perl
# gate104 log report: the page says what the log says, holds no markup of a stranger, needs
# no network, and a tampered log shows as such.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Gate104;
use LogSample;
use Test::More;

my $dir  = tempdir(CLEANUP => 1);
my $evil = q(CN=<script>alert(1)</script> \\"onload='x'& \\\\xE2\\\\x80\\\\xAE \\u202e \\u0007);
my $s1   = '"session":1099511627777,"route":"rtu-7"';
my $s2   = '"session":1099511627778,"route":"rtu-8"';
my @records = (
    [ '2026-11-21T01:00:00.000Z', 'session.open',   'notice',  "$s1," . '"subject":"CN=Anna Berg,O=Grid"' ],
    [ '2026-11-21T02:00:00.000Z', 'op.command',     'notice',  "$s1," . apdu_single(6, 1001, 1) . ',"verdict":"pass","rule":"breakers","command_seq":2' ],
    [ '2026-11-21T02:00:00.020Z', 'op.confirmed',   'notice',  "$s1," . apdu_single(7, 1001, 1) . ',"command_seq":2,"latency_ms":20' ],
    [ '2026-11-21T02:10:00.000Z', 'op.command',     'notice',  "$s1," . apdu_single(6, 1002, 0) . ',"verdict":"pass","rule":"breakers","command_seq":4' ],
    [ '2026-11-21T03:00:00.000Z', 'session.open',   'notice',  "$s2," . qq("subject":"$evil") ],
    [ '2026-11-21T03:30:00.000Z', 'policy.refused', 'warning', "$s2," . apdu_single(6, 2002, 0) . ',"verdict":"refuse","command_seq":6' ],
    [ '2026-11-21T03:40:00.000Z', 'tls.expires-soon', 'warning', qq("subject":"$evil","detail":"7 days left") ],
    [ '2026-11-21T03:45:00.000Z', 'apci.malformed', 'alarm',   "$s2," . qq("apdu":"6900","detail":"$evil") ],
    [ '2026-11-21T03:50:00.000Z', 'session.close',  'notice',  "$s2,\"why\":\"peer\"" ],
    [ '2026-11-21T05:00:00.000Z', 'log.closed',     'notice',  '"detail":"end"' ],
);
my $log = write_log("$dir/gate104.jsonl", @records);

sub report {
    my (@args) = @_;
    unlink "$dir/r.html";
    my $status = system(bin('gate104') . " log report --html -o $dir/r.html @args $dir 2>$dir/err") >> 8;
    open my $in, '<', "$dir/r.html" or return ($status, '');
    local $/;
    return ($status, scalar <$in>);
}

my ($status, $page) = report();
is($status, 0, 'status of a whole log');
like($page, qr/class="box ok"><b>The chain is unbroken/, 'integrity on top');
like($page, qr/Period: 2026-11-21T01:00:00\.000Z to 2026-11-21T05:00:00\.000Z, 10 records/, 'period');
like($page, qr{Anna Berg</td><td class="">rtu-7</td><td class="">C_SC_NA_1 activation CA 1 IOA 1001 = on</td><td class="">pass, breakers</td><td class="n">20</td><td class="t">confirmed<}, 'an operation with its answer');
like($page, qr{IOA 1002 = off</td><td class="">pass, breakers</td><td class="n">-</td><td class="t red">no answer<}, 'one without');
like($page, qr{IOA 2002 = off</td><td class="">refuse</td><td class="n">-</td><td class="t red">refused<}, 'a refused one');
like($page, qr{no rule allows it</td><td class="n">1<}, 'refusals by rule');
is(() = $page =~ /<rect /g, 2, 'a bar for each session');
like($page, qr/tls\.expires-soon.*7 days left/, 'warnings of certificates');
like($page, qr/apci\.malformed/, 'alarms');

unlike($page, qr/<script/i, 'no script');
like($page, qr/&lt;script&gt;alert\(1\)&lt;\/script&gt;/, 'but its name, escaped');
unlike($page, qr/[^\x20-\x7E\n]/, 'printable ASCII only: nothing turns the line');
unlike($page, qr/(?:src|href)\s*=|url\(|\@import|https?:/i, 'nothing is fetched');
like($page, qr/Content-Security-Policy/, 'and nothing may be');
my @tags = map { lc } $page =~ /<([a-z0-9]+)/gi;
my %known = map { $_ => 1 } qw(html head meta title style body h1 h2 p div b table thead tbody tr th td svg g line rect text tspan);
is_deeply([ grep { !$known{$_} } @tags ], [], 'no element of a stranger');

($status, $page) = report('--since', '2026-11-21T03:00');
unlike($page, qr/IOA 1001/, 'a shorter period');
like($page, qr/IOA 2002/, 'has what is in it');

is(system(bin('gate104') . " log report --html -o $log $dir 2>/dev/null") >> 8, 3, 'the log is not overwritten');

write_log($log, @records, map { [ '2026-11-21T05:00:01.000Z', 'op.command', 'notice', "$s1," . apdu_single(6, 1, 1) ] } 1 .. 5000);
($status, $page) = report();
like($page, qr/3 more operations are not shown here/, 'a full table is told');

write_log($log, @records);
system('sed', '-i', '6s/2002/2003/', $log) == 0 or die;
($status, $page) = report();
is($status, 1, 'status of a tampered log');
like($page, qr/class="box bad"><b>The log has been tampered with.*Line 6, record 6/s, 'says where');
unlike($page, qr/IOA 200[23]/, 'shows nothing that is not proven');

# What an operation came to is its last word; its select leads there.
write_log("$dir/gate104.jsonl",
    [ '2026-11-21T01:00:00.000Z', 'session.open',  'notice', "$s1," . '"subject":"CN=Anna Berg,O=Grid"' ],
    (map { [ '2026-11-21T02:00:00.000Z', 'op.command', 'notice', "$s1," . apdu_single(6, 1000 + $_, 1) . qq(,"verdict":"pass","command_seq":$_) ] } 2 .. 5),
    [ '2026-11-21T02:00:00.020Z', 'op.closed',     'notice', qq($s1,"command_seq":3,"outcome":"executed","select_seq":2,"type":"C_SC_NA_1","type_id":45,"ca":1,"ioa":1003,"value":1,"confirm_ms":8,"state":1,"state_type":"M_SP_NA_1","state_cot":"spontaneous","state_ioa":3,"state_ms":9) ],
    [ '2026-11-21T02:00:00.030Z', 'op.confirmed',  'notice', qq($s1,"command_seq":3,"latency_ms":20) ],
    [ '2026-11-21T02:00:00.040Z', 'op.confirmed',  'notice', qq($s1,"command_seq":4,"latency_ms":30) ],
    [ '2026-11-21T02:00:00.050Z', 'op.closed',     'notice', qq($s1,"why":"no-termination","command_seq":4,"outcome":"timed-out") ],
    [ '2026-11-21T02:00:00.060Z', 'op.closed',     'notice', qq($s1,"why":"<b>","command_seq":5,"outcome":"<i>","state":"<s>") ]);
($status, $page) = report();
like($page, qr{<td class="t">see record 3</td>}, 'a select leads to its execute');
like($page, qr{<td class="n">20</td><td class="t">executed</td><td class=""> on at IOA 3 spontaneous after 9 ms</td>}, 'executed, and the state');
like($page, qr{<td class="n">30</td><td class="t red">timed-out</td><td class="">no-termination</td>}, 'confirmed, and then nothing');
like($page, qr{&lt;i&gt;</td><td class="">&lt;b&gt;; &lt;s&gt;</td>}, 'hostile words');
like($page, qr{Operations by outcome</h2><table><tbody><tr><td class="">executed</td><td class="n">1<}, 'counted');

# A log of several files is one log.
my @lines = map { "$_\n" } split /\n/, slurp("$dir/gate104.jsonl");
spew(sprintf("$dir/gate104-%020d.jsonl", 1), join '', @lines[ 0 .. 3 ]);
spew("$dir/gate104.jsonl", join '', @lines[ 4 .. $#lines ]);
my $whole = $page;
($status, $page) = report();
is($status, 0, 'two files: whole');
($page, $whole) = map { s{<p>[^<]*/gate104[^<]*</p>|<p>\Q$dir\E</p>}{}r } $page, $whole;
is($page, $whole, 'and the same page');
spew(sprintf("$dir/gate104-%020d.jsonl", 1), join '', @lines[ 0 .. 2 ]);
($status, $page) = report();
is($status, 1, 'one without its end');
like($page, qr/class="box bad".*<p>3 records in an unbroken chain/s, 'shows what is in front');
unlike($page, qr/IOA 1004/, 'and nothing behind');
unlink glob "$dir/gate104*.jsonl";

# Seals are checked with the keys that are given.
spew("$dir/gate104.jsonl", slurp("$ROOT/tests/vectors/log/sealed.jsonl"));
my @keys = ("--key $ROOT/tests/vectors/log/seal.pub", "--seed $ROOT/tests/vectors/log/seed");
($status, $page) = report(@keys);
is($status, 0, 'a sealed log');
like($page, qr/(\d+) seals, the last at record \d+, 20[^<]* \1 signatures and \1 MACs are good/, 'all seals are good');
like($page, qr/Checked: the chain of hashes, the signatures of the seals, their MACs\. No anchors/, 'what was checked');
($status, $page) = report();
like($page, qr/ 0 signatures and 0 MACs are good.*No key was given/s, 'and what was not');
($status, $page) = report("--key $dir/none");
is($status, 3, 'a key that is not there');
is($page, '', 'makes no page');

done_testing;
