#!/usr/bin/perl
# The auditor's page in a browser: it is drawn, asks nobody for anything, and nothing in it
# breaks the rules that it sets for itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Socket::INET;
use LogSample;
use Test::More;

my ($browser) = grep { -x } map { my $d = $_; map { "$d/$_" } qw(chromium chromium-headless-shell) } split /:/, $ENV{PATH};
plan skip_all => 'no chromium here' if !$browser;
my $dir = scratch();
my $s   = '"session":1,"route":"rtu-7"';
write_log("$dir/gate104.jsonl",
    [ '2026-11-21T01:00:00.000Z', 'session.open', 'notice', "$s," . '"subject":"CN=<img src=http://picture.example/ onerror=alert(1)>"' ],
    [ '2026-11-21T01:10:00.000Z', 'op.command', 'notice', "$s," . apdu_single(6, 1001, 1) . ',"verdict":"pass","rule":"breakers","command_seq":2' ],
    [ '2026-11-21T01:10:00.020Z', 'op.confirmed', 'notice', "$s," . apdu_single(7, 1001, 1) . ',"command_seq":2,"latency_ms":20' ],
    [ '2026-11-21T02:00:00.000Z', 'policy.refused', 'warning', "$s," . apdu_single(6, 2002, 0) . ',"verdict":"refuse","why":"policy"' ],
    [ '2026-11-21T03:00:00.000Z', 'session.close', 'notice', "$s," . '"why":"peer"' ]);

# Whatever it asked for would come to this port.
my $proxy = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1') or die $!;
sub browse {
    my ($page, @options) = @_;
    my $p = spawn_process([ $browser, qw(--headless --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking
                --disable-component-update --no-first-run --enable-logging=stderr), "--user-data-dir=$dir/profile",
            '--window-size=1000,1200', @options, "file://$dir/$page" ]);
    wait_until(sub { !alive($p) }, 60) or BAIL_OUT('the browser does not end');
    stop_process($p);
    return (slurp($p->{out}), slurp($p->{err}));
}
# The hosts that were asked for, but for those to which the browser runs by itself.
sub asked {
    my %host;
    while (1) {
        my $r = '';
        vec($r, fileno $proxy, 1) = 1;
        select($r, undef, undef, 0) > 0 or return sort keys %host;
        my $c = $proxy->accept or next;
        $c->timeout(2);
        my ($host) = (<$c> // '') =~ m{^\w+ (?:http://)?([^/: ]+)};
        $host{$host}++ if defined $host && $host !~ /\.(?:google|googleapis|gvt1|gvt2|gstatic)\.com$/;
    }
}
my @through = ('--proxy-server=127.0.0.1:' . $proxy->sockport, '--proxy-bypass-list=<-loopback>');

# A browser that cannot show any page says nothing of ours.
spew("$dir/plain.html", '<html><body>plain</body></html>');
my ($dom, $said) = browse('plain.html', '--dump-dom', @through);
plan skip_all => 'chromium does not run here: ' . substr $said, 0, 200 if $dom !~ /plain/;

is(system(bin('gate104') . " log report --html -o $dir/r.html $dir") >> 8, 0, 'a page');
($dom, $said) = browse('r.html', '--dump-dom', @through);
like($dom, qr/<html/, 'it is shown');
like($dom, qr/breakers.*confirmed/s, 'the browser reads what the page says');
unlike($dom, qr/<img/i, 'and takes no name for markup');
unlike($said, qr/CONSOLE|Refused to/, 'it has nothing to complain about');
is(join(' ', asked()), '', 'it asks nobody for anything');

# That this would be seen: a page that asks.
spew("$dir/ask.html", '<html><body><img src="http://picture.example/x.png"></body></html>');
my $p = spawn_process([ $browser, qw(--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run), "--user-data-dir=$dir/profile2", '--dump-dom', @through, "file://$dir/ask.html" ]);
ok(wait_until(sub { grep { $_ eq 'picture.example' } asked() }, 30), 'a page that asks would be seen');
stop_process($p, 'KILL');

# It is drawn: bars in the colours of a session with refusals, not a blank sheet.
browse('r.html', "--screenshot=$dir/r.png");
my ($status, $out) = run_command([ 'python3', '-c', <<'P', "$dir/r.png" ]);
import struct, sys, zlib
data = open(sys.argv[1], 'rb').read()
at, idat, head = 8, b'', None
while at < len(data):
    n, kind = struct.unpack('>I4s', data[at:at + 8])
    body = data[at + 8:at + 8 + n]
    if kind == b'IHDR': head = struct.unpack('>IIBBBBB', body)
    if kind == b'IDAT': idat += body
    at += 12 + n
width, height, size = head[0], head[1], {2: 3, 6: 4}[head[3]]
raw, rows, before = zlib.decompress(idat), [], bytearray(width * size)
for y in range(height):
    kind, row = raw[y * (width * size + 1)], bytearray(raw[y * (width * size + 1) + 1:(y + 1) * (width * size + 1)])
    for x in range(len(row)):
        a = row[x - size] if x >= size else 0
        b, c = before[x], before[x - size] if x >= size else 0
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        row[x] = (row[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
    rows.append(row)
    before = row
colours = {}
for row in rows:
    for x in range(0, len(row), size):
        key = '%02x%02x%02x' % tuple(row[x:x + 3])
        colours[key] = colours.get(key, 0) + 1
print(' '.join('%s=%d' % (k, v) for k, v in sorted(colours.items(), key=lambda i: -i[1])[:12]))
P
is($status, 0, 'a picture');
my %colour = $out =~ /(\w+)=(\d+)/g;
ok((grep { $_ ne 'ffffff' && $colour{$_} > 1000 } keys %colour) >= 2, 'with areas of colour') or diag $out;
done_testing;
