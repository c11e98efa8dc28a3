# What the end-to-end tests share: a scratch folder, a PKI, processes that end with the
# test, and waiting for what is to come instead of sleeping.
package Gate104;
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    $ROOT $BUILD bin scratch pki free_port spawn_process wait_until wait_for_text slurp spew
    write_config start_gate104 stop_process alive records older_logs wait_record run_command
    proc_of_role children_of json_lines start_rtu run_master tls_client start_route
    asdus_sent asdus_received log_faults start_relay relayed relay_pcap apdus_of
    tls_records records_of_client role_of memory_kb cpu_seconds
);

our $ROOT  = abs_path(dirname(__FILE__) . '/../..');
our $BUILD = $ENV{GATE104_BUILD} ? abs_path($ENV{GATE104_BUILD}) : "$ROOT/build";

my @started;     # pids to end
my @operator_files; # standard error of every gate104d
my $owner = $$;  # forked helpers of a test must not clean up

# So that END cleans up after a test that is interrupted, too.
my @ENDS = qw(INT TERM HUP PIPE);
$SIG{$_} = sub { exit 1 } for @ENDS;

sub bin { return "$BUILD/$_[0]" }

# A folder that goes away with the test.
sub scratch { return tempdir('gate104-test-XXXXXX', TMPDIR => 1, CLEANUP => 1) }

# Folder of a lab PKI (see tests/lib/lab-pki); one per kind and test program.
my %pki;
sub pki {
    my ($kind) = (@_, 'ec');
    return $pki{$kind} //= do {
        my $dir = scratch();
        system("$ROOT/tests/lib/lab-pki", $dir, $kind) == 0 or die "lab-pki failed";
        $dir;
    };
}

# A TCP port nobody listens on now; with SO_REUSEADDR a test can take it at once.  Below
# the ports that the kernel gives away, and by pid, so that tests that run at the same time
# do not take each other's between here and there.
my $port_at = $$ * 37 % 12_000;
sub free_port {
    for (1 .. 12_000) {
        my $port = 20_000 + $port_at++ % 12_000;
        return $port if IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port);
    }
    die "no free port: $!";
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<', $file or return '';
    local $/;
    my $text = <$fh>;
    return $text // '';
}

sub spew {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!";
    print $fh $text;
    close $fh or die "$file: $!";
    return $file;
}

# Calls the code until it gives true or the seconds are over; gives what it gave last.
sub wait_until {
    my ($code, $seconds) = (@_, 10);
    my $end = time + $seconds;
    while (1) {
        my $got = $code->();
        return $got if $got || time > $end;
        sleep 0.02;
    }
}

sub wait_for_text {
    my ($file, $re, $seconds) = @_;
    return wait_until(sub { slurp($file) =~ $re }, $seconds // 10);
}

# Starts a program; {pid, out, err (files)}.  out => FILE, err => FILE, in => FILE.
sub spawn_process {
    my ($cmd, %o) = @_;
    my $dir = $o{dir} // scratch();
    my %p = (out => $o{out} // "$dir/out.$$." . scalar(@started),
             err => $o{err} // "$dir/err.$$." . scalar(@started), cmd => $cmd);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for @ENDS;
        open STDIN, '<', $o{in} // '/dev/null';
        open STDOUT, '>', $p{out};
        open STDERR, '>', $p{err};
        $^F = 2;
        # Ends with the test even if that is killed.
        exec 'setpriv', '--pdeathsig', 'TERM', '--', @$cmd or POSIX::_exit(127);
    }
    push @started, $pid;
    $p{pid} = $pid;
    return \%p;
}

sub alive {
    my ($p) = @_;
    return 0 if defined $p->{status};
    my $r = waitpid($p->{pid}, WNOHANG);
    $p->{status} = $? if $r == $p->{pid};
    return $r == 0;
}

# Waits for the end of a process (after a signal, if one is named); its wait status, or
# undef if it had to be killed.
sub stop_process {
    my ($p, $signal, $seconds) = @_;
    kill $signal, $p->{pid} if $signal && alive($p);
    if (!wait_until(sub { !alive($p) }, $seconds // 10)) {
        kill 'KILL', $p->{pid};
        waitpid $p->{pid}, 0;
        $p->{status} = $?;
        @started = grep { $_ != $p->{pid} } @started;
        return undef;
    }
    @started = grep { $_ != $p->{pid} } @started;
    return $p->{status};
}

# Runs a command to its end: (exit status or -1 after time-out, stdout, stderr).
sub run_command {
    my ($cmd, %o) = @_;
    my $p = spawn_process($cmd, %o);
    my $status = stop_process($p, undef, $o{seconds} // 20);
    return (defined $status ? ($status & 127 ? 128 + ($status & 127) : $status >> 8) : -1,
            slurp($p->{out}), slurp($p->{err}));
}

sub quote { my ($s) = @_; $s =~ s/(["\\])/\\$1/g; return qq("$s") }

sub setting {
    my ($v) = @_;
    return ref $v eq 'ARRAY' ? '[ ' . join(', ', map { setting($_) } @$v) . ' ]'
         : ref $v eq 'SCALAR' ? $$v                      # as it stands
         : $v =~ /^-?\d+$/ ? $v : quote($v);
}

my $DEFAULT_POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = (
  { name = "breakers"; types = [ "C_SC_NA_1", "C_DC_NA_1", "C_SC_TA_1" ]; ca = [ 1 ]; ioa = [ "1001-1100", "2001-2010" ]; },
  { name = "setpoint"; types = [ "C_SE_NC_1" ]; ca = [ 1 ]; ioa = [ 1301 ]; value = [ 0.0, 110.0 ]; },
  { name = "station"; types = [ "C_IC_NA_1", "C_CI_NA_1", "C_CS_NA_1", "C_RD_NA_1", "C_TS_TA_1" ]; ca = [ 1 ]; }
); };
P

# Writes gate104.conf, its policy and folders into a scratch folder.  Each route is a hash
# of settings; policy_text is written to a file of its own.  Gives the folder.
sub write_config {
    my (%o) = @_;
    my $dir = $o{dir} // scratch();
    my $pki = $o{pki} // pki();
    mkdir "$dir/log", 0700;
    chown((getpwnam 'nobody')[2, 3], "$dir/log") if $> == 0;
    my %tls = (cert => "$pki/station.crt", key => "$pki/station.key", ca => ["$pki/ca.crt"],
               crl => ["$pki/ca.crl"], %{ $o{tls} // {} });
    my $text = $> == 0 ? qq(user = "nobody";\n) : '';
    $text .= qq(run_dir = "$dir/run";\naudit = { dir = "$dir/log"; ) . ($o{audit} // '') . "};\n";
    $text .= 'tls = { ' . join('', map { "$_ = " . setting($tls{$_}) . '; ' } sort keys %tls) . "};\n";
    $text .= "limits = { $o{limits} };\n" if $o{limits};
    my $n = 0;
    my @routes;
    for my $r (@{ $o{routes} }) {
        my %r = (policy_text => $DEFAULT_POLICY, %$r);
        my $policy = "$dir/policy-" . $n++ . '.policy';
        spew($policy, delete $r{policy_text});
        $r{policy} //= $policy;
        push @routes, '  { ' . join('', map { "$_ = " . setting($r{$_}) . '; ' } sort keys %r) . '}';
    }
    $text .= "routes = (\n" . join(",\n", @routes) . "\n);\n";
    spew("$dir/gate104.conf", $text);
    return $dir;
}

# Starts gate104d on a folder of write_config and waits until it is ready.
sub start_gate104 {
    my ($dir, %o) = @_;
    unlink "$dir/gate104d.err";    # an earlier one was ready, too
    my $p = spawn_process([ bin('gate104d'), '-c', "$dir/gate104.conf" ],
                          out => "$dir/gate104d.out", err => "$dir/gate104d.err");
    $p->{dir} = $dir;
    push @operator_files, $p->{err};
    wait_until(sub { slurp($p->{err}) =~ /^gate104d: ready$/m || !alive($p) }, $o{seconds} // 30);
    if (slurp($p->{err}) !~ /^gate104d: ready$/m) {
        return undef if $o{may_fail};
        die "gate104d did not start:\n" . slurp($p->{err});
    }
    return $p;
}

# The log so far: a list of decoded records.  What was read before is not read again,
# unless the file has become another.
my %read;
sub records {
    my ($dir) = @_;
    my $c = $read{$dir} //= { size => 0, last => '', records => [], older => {} };
    my @older;
    for my $file (older_logs($dir)) {
        $c->{older}{$file} //= [ grep { $_ } map { eval { decode_json($_) } } split /\n/, slurp($file) ];
        push @older, @{ $c->{older}{$file} };
    }
    open my $fh, '<', "$dir/log/gate104.jsonl" or return;
    seek $fh, $c->{size} - length $c->{last}, 0;
    read $fh, my $last, length $c->{last};
    if ($last ne $c->{last}) {
        @$c{qw(size last)} = (0, '');
        $c->{records} = [];
        seek $fh, 0, 0;
    }
    while (defined(my $line = <$fh>)) {
        last if $line !~ /\n\z/;
        $c->{size} += length $line;
        $c->{last} = $line;
        my $r = eval { decode_json($line) };
        push @{ $c->{records} }, $r if $r;
    }
    return (@older, @{ $c->{records} });
}

# The files in front of the one in use, oldest first.
sub older_logs { my ($dir) = @_; return sort glob "$dir/log/gate104-*.jsonl" }

# Waits for a record that has these fields (values: string, or regexp); gives it.
sub wait_record {
    my ($dir, $want, $seconds) = @_;
    return wait_until(sub {
        RECORD: for my $r (records($dir)) {
            for my $k (keys %$want) {
                my $w = $want->{$k};
                next RECORD if !defined $r->{$k};
                next RECORD if ref $w ? $r->{$k} !~ $w : $r->{$k} ne $w;
            }
            return $r;
        }
        return undef;
    }, $seconds // 10);
}

# The records of the session that came from this port of the client, in order.
sub records_of_client {
    my ($dir, $port) = @_;
    my @all = records($dir);
    my %session = map { $_->{session} => 1 }
        grep { defined $_->{session} && ($_->{source} // '') =~ /:$port$/ } @all;
    return grep { defined $_->{session} ? $session{ $_->{session} } : ($_->{source} // '') =~ /:$port$/ } @all;
}

# ---- the simulated stations, and gate104 between them ------------------------------

# Starts gate104-sim rtu on a port of its own; {port, pid, out, err}.  What it writes is
# JSON lines.
sub start_rtu {
    my (@options) = @_;
    my $dir = scratch();
    my $p = spawn_process([ bin('gate104-sim'), 'rtu', '--json', '--listen', '127.0.0.1:0',
                            '--port-file', "$dir/port", @options ], dir => $dir);
    wait_until(sub { -s "$dir/port" || !alive($p) });
    ($p->{port}) = slurp("$dir/port") =~ /(\d+)/ or die "the RTU did not start: " . slurp($p->{err});
    return $p;
}

# Options of a TLS client with the certificate NAME of a lab PKI.
sub tls_client {
    my ($pki, $name) = (@_, 'master');
    return ('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/$name.crt", '--key', "$pki/$name.key");
}

# Runs gate104-sim master to its end; {status, lines (decoded), err}.
sub run_master {
    my ($port, @words) = @_;
    my ($status, $out, $err) =
        run_command([ bin('gate104-sim'), 'master', '--json', '--timeout', 5, '--connect',
                      "127.0.0.1:$port", @words ], seconds => 60);
    return { status => $status, lines => [ json_lines($out) ], err => $err };
}

sub json_lines { return map { eval { decode_json($_) } // () } split /\n/, $_[0] }

# The ASDUs, in hex, that a simulated station sent or received, in order.
sub asdus_sent     { return map { $_->{asdu} // () } grep { $_->{event} eq 'apdu' && $_->{sent} } @_ }
sub asdus_received { return map { $_->{asdu} // () } grep { $_->{event} eq 'apdu' && !$_->{sent} } @_ }

# gate104 with one route (settings as in write_config; `listen` is chosen here), started;
# {dir, port, gate}.
sub start_route {
    my ($route, %o) = @_;
    my $port = free_port();
    my $dir  = write_config(routes => [ { name => 'r', listen => ["127.0.0.1:$port"], %$route } ], %o);
    return { dir => $dir, port => $port, gate => start_gate104($dir) };
}

# A TCP relay in front of a port, which writes down what passes; {pid, port, file}.
sub start_relay {
    my ($to) = @_;
    my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', LocalPort => 0) or die "listen: $!";
    my %p = (port => $listener->sockport, file => scratch() . '/relayed', cmd => ['relay']);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        # Its END and its scratch folders are the test's.
        $SIG{$_} = 'DEFAULT' for @ENDS;
        eval { relay($listener, $to, $p{file}) };
        POSIX::_exit(0);
    }
    push @started, $pid;
    $p{pid} = $pid;
    return \%p;
}

# Single-threaded: what was written down first passed first.
sub relay {
    my ($listener, $to, $file) = @_;
    open my $log, '>', $file or die "$file: $!";
    $log->autoflush(1);
    local $SIG{PIPE} = 'IGNORE';
    my $wait = IO::Select->new($listener);
    my (%other, %name, $n);
    while (getppid == $owner) {
        for my $s ($wait->can_read(1)) {
            if ($s == $listener) {
                my $in  = $listener->accept or next;
                my $out = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to);
                if (!$out) { close $in; next }
                $n++;
                @other{ $in, $out } = ($out, $in);
                @name{ $in, $out } = ("$n>", "$n<");
                $wait->add($in, $out);
                next;
            }
            next if !$other{$s};
            my $peer = $other{$s};
            if ($s->sysread(my $octets, 65536)) {
                print $log "$name{$s} ", unpack('H*', $octets), "\n";
                $peer->blocking(1);
                $peer->syswrite($octets);
                next;
            }
            print $log "$name{$s} end\n";
            shutdown $peer, 1;
            $wait->remove($s);
            # Both sides have ended.
            if (!grep { $_ == $peer } $wait->handles) {
                delete @other{ $s, $peer };
                close $_ for $s, $peer;
            }
        }
    }
}

# The octets that a relay passed on, in hex, of one connection and direction ('>' from who
# dialled, '<' to it).
sub relayed {
    my ($relay, $direction, $connection) = (@_, 1);
    return join '', map { /^\Q$connection$direction\E ([0-9a-f]+)$/ ? $1 : () } split /\n/, slurp($relay->{file});
}

# Writes what a relay passed on as a capture (raw IPv4) of a link to port 2404, as tshark
# reads it.
sub relay_pcap {
    my ($relay, $file) = @_;
    my $pcap = pack 'VvvVVVV', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101;
    my (%next, $time);
    for my $line (split /\n/, slurp($relay->{file})) {
        my ($connection, $direction, $hex) = $line =~ /^(\d+)([<>]) ([0-9a-f]+)$/ or next;
        my ($from, $to) = $direction eq '>' ? (40_000 + $connection, 2404) : (2404, 40_000 + $connection);
        for my $octets (unpack '(a1400)*', pack 'H*', $hex) {
            my $tcp = pack 'nnNNCCnnn', $from, $to, $next{"$connection$direction"} //= 1,
                $next{ $connection . ($direction eq '>' ? '<' : '>') } //= 1, 5 << 4, 0x18, 65535, 0, 0;
            my $ip = pack 'CCnnnCCna4a4', 0x45, 0, 40 + length $octets, 0, 0, 64, 6, 0,
                map { pack 'CCCC', 10, 0, 0, $_ == 2404 ? 2 : 1 } $from, $to;
            $next{"$connection$direction"} += length $octets;
            $pcap .= pack('VVVV', 1_000_000, ++$time, (40 + length $octets) x 2) . $ip . $tcp . $octets;
        }
    }
    return spew($file, $pcap);
}

# The APDUs, in hex, of a stream in hex.
sub apdus_of {
    my ($stream) = @_;
    my @apdus;
    while ($stream =~ /^68(..)/) {
        my $n = 4 + 2 * hex $1;
        last if $n > length $stream;
        push @apdus, substr $stream, 0, $n, '';
    }
    push @apdus, "rest $stream" if $stream ne '';
    return @apdus;
}

# The TLS records of a stream in hex: [type, octets of its content] each (RFC 5246 6.2.1).
sub tls_records {
    my ($stream) = @_;
    my @records;
    while ($stream =~ /^(..)0[23]0[0-4](....)/) {
        my ($type, $n) = (hex $1, hex $2);
        last if 10 + 2 * $n > length $stream;
        substr $stream, 0, 10 + 2 * $n, '';
        push @records, [ $type, $n ];
    }
    push @records, [ 'rest', length $stream ] if $stream ne '';
    return @records;
}

# What is wrong with the log's chain, by a reader of its own: each line one JSON object,
# numbered from 1, with the SHA-256 of the line before it.
sub log_faults {
    my ($dir) = @_;
    my $text = join '', map { slurp($_) } older_logs($dir), "$dir/log/gate104.jsonl";
    my ($prev, $seq, @faults) = ('0' x 64, 0);
    # What was deleted by rule is named by a record.
    if ($text =~ /\A\{"v":1,"seq":(\d+),[^\n]*"prev":"([0-9a-f]{64})"\}\n/ && $1 > 1
        && index($text, sprintf '"last_seq":%d,"last_sha256":"%s"', $1 - 1, $2) >= 0) {
        ($prev, $seq) = ($2, $1 - 1);
    }
    push @faults, 'no records' if $text eq '';
    push @faults, 'the last line is not whole' if $text !~ /\n\z/;
    for my $line (split /\n/, $text) {
        my $r = eval { decode_json($line) };
        $seq++;
        push @faults, "line $seq: no JSON"                   if !$r;
        push @faults, "line $seq: number $r->{seq}"          if $r && $r->{seq} != $seq;
        push @faults, "line $seq: not the hash of the last"  if $r && $r->{prev} ne $prev;
        $prev = sha256_hex("$line\n");
    }
    return @faults;
}

# Pids of the direct children of a process.
sub children_of {
    my ($pid) = @_;
    return split ' ', slurp("/proc/$pid/task/$pid/children");
}

# Pids of gate104d's children of one role.
sub proc_of_role {
    my ($p, $role) = @_;
    return grep { slurp("/proc/$_/cmdline") =~ m{/gate104-\Q$role\E\0} } children_of($p->{pid});
}

# The name by which the log calls a role process: "gate-0".
sub role_of {
    my ($pid) = @_;
    return slurp("/proc/$pid/cmdline") =~ m{/gate104-(\w+)\0(\d+)\0} ? "$1-$2" : '';
}

# Memory that a process has in use, and the CPU time it has had.
sub memory_kb { return slurp("/proc/$_[0]/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0 }

sub cpu_seconds {
    my ($pid) = @_;
    my @f = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\)//sr;
    return @f ? ($f[11] + $f[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK()) : 0;
}

END {
    if ($$ == $owner) {
        my $status = $?;
        for my $pid (@started) {
            next if waitpid($pid, WNOHANG) != 0;
            kill 'TERM', $pid;
            my ($end, $ended) = (time + 5, 0);
            sleep 0.02 until ($ended = waitpid($pid, WNOHANG)) || time > $end;
            next if $ended;
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }
        # A role of a sanitizer build says here what it died of.
        for my $file (@operator_files) {
            next if slurp($file) !~ /(AddressSanitizer|runtime error:|Assertion `)/;
            print STDERR "# $1 in $file:\n", map { "# $_\n" } split /\n/, slurp($file);
            $status ||= 1;
        }
        $? = $status;
    }
}

1;
