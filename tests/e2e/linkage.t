#!/usr/bin/perl
# What each program is linked with, read from the ELF files: which process can do what is
# decided here before any sandbox is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

# The sanitizers bring libraries and calls of their own.
plan skip_all => 'sanitizer build' if $BUILD =~ /-san$/;

# Libraries beside libc: those a program must have, and those it may have.
my %LIBRARIES = (
    'gate104d'       => { must => [qw(libconfig libcrypto libjansson)], may => [qw(libssl libcap libseccomp)] },
    'gate104-broker' => { must => [qw(libcap)],              may => [] },
    'gate104-tls'    => { must => [qw(libssl libcrypto libcap)], may => [] },
    'gate104-gate'   => { must => [qw(libcap)],              may => [] },
    'gate104-signer' => { must => [qw(libcrypto libcap)],    may => [] },
    'gate104-audit'  => { must => [qw(libjansson libcrypto libcap)], may => [] },
    'gate104-fetcher' => { must => [qw(libcap)],             may => [] },
    # No roles, but as hardened.
    'gate104'        => { must => [], may => [qw(libconfig libjansson libqrencode libssl libcrypto libcap libm)] },
    # Reads private keys and asks enrolment servers; no part of a running gate104d.
    'gate104-pki'    => { must => [qw(libcurl libssl libcrypto)], may => [qw(libconfig libcap)] },
    'gate104-sim'    => { must => [], may => [qw(libssl libcrypto libm)] },
);

# Every function the gate may import.  A new one is a decision: it belongs here only if a
# gate that an enemy has taken over may have it.
my %GATE = map { $_ => 1 } qw(
    _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable __cxa_finalize __gmon_start__
    __libc_start_main __stack_chk_fail __assert_fail __errno_location
    malloc calloc realloc free
    memchr memcmp memcpy memmove memset
    strchr strcmp strerror strlen strncasecmp strncmp strnlen strspn strcspn strtoul
    snprintf vsnprintf fprintf fputs fputc fwrite puts stderr
    inet_ntop qsort bsearch clock_gettime
    recv recvmsg send sendmsg shutdown close socketpair getsockopt poll
    epoll_create1 epoll_ctl epoll_wait write
    cap_free cap_init cap_set_proc close_range dup2 fcntl geteuid getppid getrlimit prctl
    setgroups setresgid setresuid setrlimit setuid signal sigaction sigfillset _exit syscall
    chdir chroot mlockall mount umount2 unshare tzset
);
# What it must never have, whoever adds it to the list above.
my $NEVER = qr/^(?:socket|connect|bind|listen|accept4?|open(?:at|64|at64)?|creat|fopen(?:64)?|freopen|fork|vfork|
    clone|exec\w*|posix_spawn\w*|system|popen|kill|ptrace|dlopen|dlsym|mprotect|unlink\w*|rename\w*|
    (?:SSL|EVP|OPENSSL|CRYPTO|BIO|PEM|X509|RSA|EC)_\w+|config_\w+|json_\w+)$/x;
# Of the others: who may reach the network by itself, and who may start programs.
my $DIALS  = qr/^(?:socket|connect|bind|listen|accept4?)$/;
my $STARTS = qr/^(?:fork|vfork|exec\w*|posix_spawn\w*|system|popen)$/;
my %DIALS  = map { $_ => 1 } qw(gate104d gate104-broker gate104-fetcher gate104 gate104-sim);
# gate104 becomes gate104-pki when that is asked for.
my %STARTS = map { $_ => 1 } qw(gate104d gate104);

sub lines_from {
    my (@cmd) = @_;
    my ($status, $out, $err) = run_command(\@cmd);
    die "@cmd: $err" if $status != 0;
    return split /\n/, $out;
}

# Names without symbol versions and without what _FORTIFY_SOURCE makes of them.
sub imports {
    my ($file) = @_;
    my @names;
    for (lines_from('nm', '-D', '--undefined-only', $file)) {
        my ($name) = /\s[Uwv]\s+([^\s@]+)/ or next;
        push @names, $name =~ s/^__(\w+)_chk$/$1/r =~ s/^__isoc(?:99|23)_//r;
    }
    return @names;
}

for my $program (sort keys %LIBRARIES) {
    subtest $program => sub {
        my $file = bin($program);
        ok(-x $file, 'is built') or return;
        my @dynamic = lines_from('readelf', '-dW', $file);
        my %needed  = map { /\(NEEDED\).*\[(\w+?)\.so/ && $1 ne 'libc' ? ($1 => 1) : () } @dynamic;
        my %may     = map { $_ => 1 } map { @$_ } @{ $LIBRARIES{$program} }{qw(must may)};
        is(join(' ', grep { !$needed{$_} } @{ $LIBRARIES{$program}{must} }), '', 'has its libraries');
        is(join(' ', grep { !$may{$_} } sort keys %needed), '', 'and no others');

        like("@dynamic", qr/BIND_NOW/, 'all symbols are bound at the start');
        like("@dynamic", qr/FLAGS_1\S*\s+Flags:.*\bPIE\b/, 'position-independent');
        unlike("@dynamic", qr/TEXTREL|RPATH|RUNPATH/, 'no text relocations, no search path of its own');
        my @segments = lines_from('readelf', '-lW', $file);
        ok((grep { /GNU_RELRO/ } @segments), 'relocations become read-only');
        ok((grep { /GNU_STACK.*\sRW\s/ } @segments), 'the stack is not executable');
        is(scalar(grep { /^\s+\w+\s.*\sRWE\s/ } @segments), 0, 'nothing is writable and executable');
        my @raw = map { /\sU\s+([^\s@]+)/ ? $1 : () } lines_from('nm', '-D', '--undefined-only', $file);
        ok((grep { $_ eq '__stack_chk_fail' } @raw), 'stack protector');
        ok((grep { /_chk$/ } @raw), 'fortified');
        my @imports = imports($file);
        is(join(' ', grep { /$DIALS/ } @imports), '', 'no sockets of its own') if !$DIALS{$program};
        is(join(' ', grep { /$STARTS/ } @imports), '', 'starts nothing') if !$STARTS{$program};
    };
}

subtest 'the gate' => sub {
    my $gate = bin('gate104-gate');
    is(join(' ', grep { !$GATE{$_} } imports($gate)), '', 'imports only what is on its list');
    is(join(' ', grep { /$NEVER/ } imports($gate), keys %GATE), '', 'and never these');
    # Linked into it, not only loaded with it.
    my @own = map { /(\S+)$/ ? $1 : () } lines_from('nm', $gate);
    cmp_ok(scalar @own, '>', 100, 'its own names are there to be read');
    is(join(' ', grep { /^(?:SSL|EVP|OPENSSL|CRYPTO|X509|config|json)_/ } @own), '', 'no crypto, configuration or JSON inside');
    my @loaded = lines_from('ldd', $gate);
    ok((grep { /libc\.so/ } @loaded), 'ldd lists what is loaded');
    is(join(' ', grep { /ssl|crypto|config|jansson/i } @loaded), '', 'and nothing of OpenSSL is, not even through others');
};

subtest 'private keys' => sub {
    # The monitor hands the file's octets on; to make a key of them is the signer's alone.
    my $reads = qr/^(?:PEM_read_bio_PrivateKey\w*|d2i_(?:Auto)?PrivateKey\w*|OSSL_DECODER_from_\w+|OSSL_STORE_open\w*|d2i_PKCS8\w*)$/;
    for my $program (grep { !/^gate104-sim$/ } sort keys %LIBRARIES) {
        my @reads = grep { /$reads/ } imports(bin($program));
        if ($program =~ /^gate104-(?:signer|pki)$/) { ok(@reads > 0, "$program reads keys") }
        else                              { is("@reads", '', "$program cannot make a key of a file") }
    }
};

done_testing();
