# A session log with the records a test wants, its chain whole (doc/log-format.md).
package LogSample;
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Time::Local qw(timegm);
use Exporter 'import';
our @EXPORT = qw(write_log apdu_single);

# Of a machine that was started at the beginning of 2026, and whose clock runs well.
sub mono_ms {
    my ($y, $m, $d, $h, $min, $s, $ms) = $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z$/ or die "time $_[0]";
    return (timegm($s, $min, $h, $d, $m - 1, $y) - timegm(0, 0, 0, 1, 0, 2026)) * 1000 + $ms;
}

# Each record: [ time, event, severity, fields as JSON text ].
sub write_log {
    my ($file, @records) = @_;
    my ($seq, $prev) = (0, '0' x 64);
    open my $out, '>', $file or die "$file: $!";
    for my $r (@records) {
        my ($time, $event, $severity, $fields) = @$r;
        my $mono = mono_ms($time);
        $seq++;
        my $line = qq({"v":1,"seq":$seq,"time":"$time","mono_ms":$mono,"boot":"7d1daca7","from":"gate-0",)
            . qq("event":"$event","severity":"$severity",$fields,"prev":"$prev"}\n);
        $prev = sha256_hex($line);
        print $out $line;
    }
    close $out or die "$file: $!";
    return $file;
}

# Fields of a single command; cause 6 activation, 7 its confirmation.
sub apdu_single {
    my ($cause, $ioa, $value) = @_;
    my $hex  = unpack 'H*', pack 'CCvvCCCCvvCC', 0x68, 14, 0, 0, 45, 1, $cause, 0, 1, $ioa, 0, $value;
    my $name = $cause == 6 ? 'activation' : 'activation con';
    my $to   = $cause == 6 ? 'control' : 'monitor';
    return qq("direction":"$to","apdu":"$hex","frame":"I","type":"C_SC_NA_1","type_id":45,"cot":"$name",)
        . qq("pn":false,"test":false,"oa":0,"ca":1,"ioa":$ioa,"value":$value,"select":false);
}

1;
