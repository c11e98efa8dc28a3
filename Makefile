# gate104: build, test, demo, install.  `make help` lists the targets.
#
#   make            build everything into build/
#   make SAN=1      the same with ASan+UBSan into build-san/
#   make V=1        show the commands

CC       ?= cc
PREFIX   ?= /usr/local
DESTDIR  ?=
SAN      ?= 0
BARE     ?= 0
V        ?= 0
B        := build$(if $(filter 1,$(SAN)),-san)$(if $(filter 1,$(BARE)),-bare)
Q        := $(if $(filter 1,$(V)),,@)
VERSION  := $(shell cat VERSION)

sbindir  = $(PREFIX)/sbin
bindir   = $(PREFIX)/bin
libexec  = $(PREFIX)/libexec/gate104
mandir   = $(PREFIX)/share/man
docdir   = $(PREFIX)/share/doc/gate104
policies = $(PREFIX)/share/gate104/policies
unitdir  = $(PREFIX)/lib/systemd/system
sysusers = $(PREFIX)/lib/sysusers.d
tmpfiles = $(PREFIX)/lib/tmpfiles.d

WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
            -ftrivial-auto-var-init=zero -fPIE -fno-strict-aliasing
LINKHARD := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed
OPT      := -O2 -g
ifeq ($(SAN),1)
# _FORTIFY_SOURCE hides the calls that the sanitizers want to see.
OPT      := -O1 -g -fno-omit-frame-pointer
HARDEN   += -fsanitize=address,undefined -fno-sanitize-recover=all -U_FORTIFY_SOURCE
LINKHARD += -fsanitize=address,undefined
CPPSAN   := -DGATE104_SAN=1
else
HARDEN   += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
CPPSAN   :=
endif
CFLAGS   ?= $(OPT)
CPPFLAGS += -std=c11 -D_GNU_SOURCE -I. -DGATE104_VERSION='"$(VERSION)"' \
            -DGATE104_LIBEXECDIR='"$(libexec)"' $(CPPSAN)
ALLCFLAGS = $(CPPFLAGS) $(CFLAGS) $(WARN) $(HARDEN) -MMD -MP

# ---- sources ---------------------------------------------------------------------
# A folder is a static library; the programs in proxy/ pick from them.  What a role may
# link is written here and nowhere else: tests/e2e/linkage.t reads the ELF files.
POLICY_SRC  := $(wildcard policy/*.c)
SANDBOX_SRC := $(wildcard sandbox/*.c)
ifeq ($(BARE),1)
# Only to measure what the sandbox costs: roles that enter none.
SANDBOX_SRC := $(filter-out $(addprefix sandbox/,attest.c empty_net.c enter.c),$(SANDBOX_SRC)) \
               tests/bench/sandbox/bare.c
endif
CERTS_SRC   := $(wildcard certs/*.c)
MAINS       := gate104d broker tls gate signer audit fetcher verify
PROXY_SRC   := $(filter-out $(MAINS:%=proxy/%.c),$(wildcard proxy/*.c))
CLI_SRC     := $(wildcard proxy/cli/*.c)
PKI_SRC     := $(wildcard proxy/pki/*.c)
# The simulator replays captures with the reader of `gate104 decode`.
SIM_SRC     := $(wildcard tests/sim/*.c) proxy/cli/capture.c proxy/cli/capture_tcp.c \
               proxy/cli/capture_pdu.c proxy/cli/tcp_stream.c
UNIT_SRC    := $(wildcard tests/unit/*_test.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
ALL_SRC := $(POLICY_SRC) $(SANDBOX_SRC) sandbox/make/programs.c $(CERTS_SRC) $(wildcard proxy/*.c) $(CLI_SRC) \
           $(PKI_SRC) \
           $(SIM_SRC) $(UNIT_SRC) $(wildcard tests/lib/*.c) $(wildcard tests/hostile/*.c) \
           $(wildcard tests/torture/*.c) $(wildcard tests/bench/*.c) \
           $(wildcard tests/bench/tls/*.c) \
           $(wildcard tests/bench/sandbox/*.c) \
           $(wildcard tests/corpus/*.c) \
           $(wildcard tests/pump/*.c) \
           $(wildcard tests/contain/*.c) \
           $(wildcard tests/bench/log/*.c) \
           $(wildcard tests/redteam/*.c)

LIBP := $(B)/libpolicy.a
LIBS := $(B)/libsandbox.a
LIBC := $(B)/libcerts.a
LIBX := $(B)/libproxy.a
LIBT := $(B)/libtest.a

SSL  := -lssl -lcrypto
PROGRAMS := $(B)/gate104d $(B)/gate104-broker $(B)/gate104-tls $(B)/gate104-gate \
            $(B)/gate104-signer $(B)/gate104-audit $(B)/gate104 $(B)/gate104-sim \
            $(B)/gate104-pki $(B)/gate104-fetcher $(B)/gate104-verify
HOSTILE_SRC := $(wildcard tests/hostile/*.c)
HOSTILE     := $(B)/hostile/ipc_hostile
CORPUS_SRC  := $(wildcard tests/corpus/*.c) tests/hostile/stage.c \
               tests/hostile/stage_config.c
CORPUS      := $(B)/hostile/gate_corpus
TORTURE_SRC := $(wildcard tests/torture/*.c)
TORTURE     := $(B)/torture/stations
PUMP        := $(B)/pump/tls_pump
STRAY       := $(B)/contain/stray
PUPPET      := $(B)/redteam/gate104-tls $(B)/redteam/mole
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))

.DEFAULT_GOAL := all
.PHONY: all deps test check unit e2e programs demo demo-learn install clean lint format check-format fuzz \
        prove model coverage bench bench-tls bench-sandbox bench-log bench-reload help
# Object files are worth keeping.
.SECONDARY:

all: $(PROGRAMS)

$(B)/gate104d:       $(call obj,proxy/gate104d.c) $(LIBX) $(LIBC) $(LIBS) $(LIBP)
$(B)/gate104d:       LDLIBS = -lconfig -ljansson $(SSL) -lcap -lseccomp
$(B)/gate104-broker: $(call obj,proxy/broker.c) $(LIBX) $(LIBS)
$(B)/gate104-broker: LDLIBS = -lcap
$(B)/gate104-tls:    $(call obj,proxy/tls.c) $(LIBX) $(LIBC) $(LIBS)
$(B)/gate104-tls:    LDLIBS = $(SSL) -lcap
# The gate reads what certs/ says of a peer, by the files there that know no OpenSSL.
$(B)/gate104-gate:   $(call obj,proxy/gate.c) $(LIBX) $(LIBS) $(LIBP) \
                     $(call obj,certs/identity_wire.c certs/security_event.c \
                       certs/tls_failure_info.c certs/role_name.c certs/role_set.c \
                       certs/user_roles.c)
$(B)/gate104-gate:   LDLIBS = -lcap
$(B)/gate104-signer: $(call obj,proxy/signer.c) $(LIBX) $(LIBC) $(LIBS)
$(B)/gate104-signer: LDLIBS = -lcrypto -lcap
$(B)/gate104-audit:  $(call obj,proxy/audit.c) $(LIBX) $(LIBS) $(LIBP) \
                     $(call obj,certs/security_event.c certs/read_all.c)
$(B)/gate104-audit:  LDLIBS = -ljansson -lcrypto -lcap
$(B)/gate104-fetcher: $(call obj,proxy/fetcher.c) $(LIBX) $(LIBS)
$(B)/gate104-fetcher: LDLIBS = -lcap
$(B)/gate104:        $(call obj,$(CLI_SRC)) $(LIBX) $(LIBC) $(LIBS) $(LIBP)
$(B)/gate104:        LDLIBS = -lconfig -ljansson $(SSL) -lcap -lqrencode
# Certificates by hand: the one program beside the signer that reads private keys.
$(B)/gate104-pki:    $(call obj,$(PKI_SRC) proxy/cli/safe.c) $(LIBX) $(LIBC) $(LIBS) $(LIBP)
$(B)/gate104-pki:    LDLIBS = -lcurl -lconfig $(SSL) -lcap
$(B)/gate104-sim:    $(call obj,$(SIM_SRC)) $(LIBP)
$(B)/gate104-sim:    LDLIBS = $(SSL) -lm

# Carried to other machines: nothing is loaded when it starts (but the sanitizers' own).
VERIFY_SRC := proxy/verify.c proxy/cli/safe.c $(wildcard proxy/cli/log_verify*.c)
$(B)/gate104-verify: $(call obj,$(VERIFY_SRC)) $(LIBX)
$(B)/gate104-verify: LDLIBS = -lcrypto
ifneq ($(SAN),1)
comma := ,
NAMES := dlopen getaddrinfo freeaddrinfo getnameinfo gethostbyname
$(B)/gate104-verify: LINKHARD := $(patsubst -pie,-static-pie,$(LINKHARD)) \
                       $(NAMES:%=-Wl$(comma)--wrap=%)
endif

$(PROGRAMS):
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

$(LIBP): $(call obj,$(POLICY_SRC))
$(LIBS): $(call obj,$(SANDBOX_SRC)) $(B)/obj/filter_programs.o
$(LIBC): $(call obj,$(CERTS_SRC))
$(LIBX): $(call obj,$(PROXY_SRC))
$(LIBT): $(call obj,$(wildcard tests/lib/*.c))
$(B)/lib%.a:
	@mkdir -p $(@D)
	@echo "  AR      $@"
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(B)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALLCFLAGS) -c -o $@ $<

# The tables of system calls, compiled: roles carry the programs, not the compiler.
MAKE_FILTERS := $(B)/make-filter-programs
$(MAKE_FILTERS): $(call obj,sandbox/make/programs.c sandbox/filter.c)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ -lseccomp

$(B)/filter_programs.c: $(MAKE_FILTERS)
	@echo "  FILTERS $@"
	$(Q)$(MAKE_FILTERS) > $@.new && mv $@.new $@

$(B)/obj/filter_programs.o: $(B)/filter_programs.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -c -o $@ $<

# Unit tests may link everything; --as-needed keeps each to what it uses.
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(LIBT) $(LIBX) $(LIBC) $(LIBS) $(LIBP)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ \
	    -Wl,--start-group $^ -Wl,--end-group \
	    -lcmocka -lconfig -ljansson $(SSL) -lcap -lseccomp -lm

# Calls that a test lets fail.
$(B)/unit/audit_fault_test: LDFLAGS += $(foreach f,write fdatasync fsync ftruncate fallocate \
    unlinkat fstatfs renameat2 openat,-Wl,--wrap=$(f))
$(B)/unit/recordings_test $(B)/unit/recordings_fault_test: LDFLAGS += $(foreach f,write fdatasync ftruncate unlinkat fstatfs \
    renameat2 openat audit_time_mono_ms,-Wl,--wrap=$(f))
$(B)/unit/log_time_test: $(call obj,proxy/cli/log_time.c)
$(B)/unit/log_latency_test: $(call obj,proxy/cli/log_latency.c)
$(B)/unit/log_html_test: $(call obj,proxy/cli/log_html.c)
$(B)/unit/capture_pdu_test: $(call obj,proxy/cli/capture_pdu.c)
$(B)/unit/learn_test: $(call obj,$(addprefix proxy/cli/,learn.c learn_points.c learn_group.c))

# The role processes against a monitor and neighbours that break the message catalogue.
$(HOSTILE): $(call obj,$(HOSTILE_SRC) tests/sim/tls_io.c) $(LIBT) $(LIBX) $(LIBC) $(LIBS) \
            $(LIBP)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ $(SSL) -lcap

# The corpus of malformed and odd traffic, played to a gate.
$(CORPUS): $(call obj,$(CORPUS_SRC)) $(LIBX) $(LIBC) $(LIBS) $(LIBP)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ $(SSL) -lcap

# Two stations with a ledger, for tests that kill what is between them.
$(TORTURE): $(call obj,$(TORTURE_SRC) $(addprefix tests/sim/,apdu.c channel.c element.c \
            link.c net.c signals.c simclock.c text.c tls_io.c type_table.c words.c))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ $(SSL) -lm

# A TLS peer that renews keys on command.
$(PUMP): $(call obj,tests/pump/tls_pump.c)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ $(SSL)

# A gate that leaves its sandbox, or never entered it.
$(STRAY): $(call obj,tests/contain/stray.c) $(LIBS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ -lcap

# Processes as they are, but for random generators that take new seed all the time.
RESEED := $(B)/contain/gate104-tls $(B)/contain/gate104-signer
$(RESEED): $(B)/contain/gate104-%: $(B)/obj/proxy/%.o $(B)/obj/tests/contain/reseed.o \
           $(LIBX) $(LIBC) $(LIBS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ $(SSL) -lcap

# A tls worker that does what its client says, and any role that does what a test says.
$(B)/redteam/gate104-tls: $(call obj,tests/redteam/puppet.c certs/identity_wire.c) $(LIBS)
$(B)/redteam/mole: $(call obj,tests/redteam/mole.c) $(LIBX) $(LIBS)
$(PUPPET):
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ -lcap

# What is measured is what is built for use; see doc/bench.md.
BENCH := $(B)/bench
$(BENCH): $(call obj,$(wildcard tests/bench/*.c)) $(LIBT) $(LIBP)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^

# What the log costs, on the disk of a folder; see doc/bench.md.
BENCHLOG := $(B)/bench-log
$(BENCHLOG): $(call obj,$(wildcard tests/bench/log/*.c)) $(LIBX) $(LIBC) $(LIBS) $(LIBP)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ -ljansson -lcrypto -lcap -lseccomp

# Masters without number, to measure any TLS proxy; see doc/bench.md.
LOAD := $(B)/bench-tls
$(LOAD): $(call obj,$(wildcard tests/bench/tls/*.c))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(LINKHARD) $(LDFLAGS) -o $@ $^ $(SSL)

-include $(patsubst %.c,$(B)/obj/%.d,$(ALL_SRC))

# ---- targets ---------------------------------------------------------------------

deps:
	@debian/deps.sh all

PROVE = GATE104_BUILD=$(B) prove --norc --exec tests/lib/run -j 2
E2E  ?= $(sort $(wildcard tests/e2e/*.t))

test: deps
	@$(MAKE) --no-print-directory check

# What the end-to-end tests start beside gate104 itself (tests/lib/run).
programs: all $(HOSTILE) $(CORPUS) $(TORTURE) $(PUMP) $(STRAY) $(RESEED) $(PUPPET) $(BENCH) $(BENCHLOG)

# The tests alone, when everything they need is installed.
check: programs $(UNIT)
	$(Q)$(PROVE) $(UNIT) $(E2E)

unit: $(UNIT)
	$(Q)$(PROVE) $(UNIT)

e2e: programs
	$(Q)$(PROVE) $(E2E)

demo: deps
	@$(MAKE) --no-print-directory all
	@GATE104_BUILD=$(B) tests/demo

demo-learn: deps
	@$(MAKE) --no-print-directory all
	@GATE104_BUILD=$(B) tests/demo-learn

LINT_SRC := $(shell find policy proxy certs sandbox tests -name '*.[ch]')

format:
	clang-format -i $(LINT_SRC)

check-format:
	@echo "  FORMAT"
	$(Q)clang-format --dry-run -Werror $(LINT_SRC)

TIDY := $(patsubst %.c,tidy/%,$(filter-out tests/% fuzz/%,$(filter %.c,$(LINT_SRC))))
.PHONY: $(TIDY) tidy

$(TIDY): tidy/%: %.c
	@echo "  TIDY    $<"
	@clang-tidy --quiet $< -- $(CPPFLAGS) 2>/dev/null

tidy: $(TIDY)

lint: check-format
	tests/lint
	@echo "  CPPCHECK"
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --error-exitcode=1 -I. -D_GNU_SOURCE --suppress=missingIncludeSystem \
	    policy proxy certs sandbox
	@$(MAKE) --no-print-directory -j$$(nproc) tidy

SECONDS ?= 60
JOBS    ?= 1
TARGETS ?=
fuzz:
	fuzz/run -j $(JOBS) $(SECONDS) $(TARGETS)

coverage: $(LIBT) $(LIBX) $(LIBC) $(LIBS)
	tests/coverage

prove:
	@debian/deps.sh prove
	policy/prove

model:
	@debian/deps.sh all
	prove --norc -v model/relay.t

bench: $(BENCH) $(B)/gate104
	$(Q)$(BENCH)
	$(Q)GATE104_BUILD=$(B) tests/bench/decode

bench-tls: all $(LOAD)
	$(Q)GATE104_BUILD=$(B) tests/bench/tls/compare

bench-sandbox: all
	@$(MAKE) --no-print-directory BARE=1 all
	$(Q)GATE104_BUILD=$(B) tests/bench/sandbox/compare

bench-log: all $(BENCHLOG)
	$(Q)GATE104_BUILD=$(B) tests/bench/log/compare

bench-reload: all
	$(Q)GATE104_BUILD=$(B) tests/bench/reload/compare

install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir) $(DESTDIR)$(libexec) \
	    $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8 \
	    $(DESTDIR)$(docdir)/examples $(DESTDIR)$(docdir)/apparmor $(DESTDIR)$(policies) \
	    $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusers) $(DESTDIR)$(tmpfiles)
	install -m 755 $(B)/gate104d $(DESTDIR)$(sbindir)/
	install -m 755 $(B)/gate104 $(B)/gate104-sim $(B)/gate104-verify $(DESTDIR)$(bindir)/
	install -m 755 $(foreach r,broker tls gate signer audit fetcher pki,$(B)/gate104-$(r)) \
	    $(DESTDIR)$(libexec)/
	install -m 644 $(wildcard doc/*.1) $(DESTDIR)$(mandir)/man1/
	install -m 644 $(wildcard doc/*.5) $(DESTDIR)$(mandir)/man5/
	install -m 644 $(wildcard doc/*.8) $(DESTDIR)$(mandir)/man8/
	install -m 644 README.md LICENSE $(wildcard doc/*.md doc/*.json) $(DESTDIR)$(docdir)/
	install -m 644 $(wildcard doc/examples/*) $(DESTDIR)$(docdir)/examples/
	install -m 644 $(wildcard doc/policies/*) $(DESTDIR)$(policies)/
	install -m 644 debian/namespaces.conf $(wildcard debian/rsyslog-*.conf) $(DESTDIR)$(docdir)/
	install -m 644 $(wildcard debian/apparmor/*) $(DESTDIR)$(docdir)/apparmor/
	sed -e 's|=!/usr/sbin/|=!$(sbindir)/|' -e 's|=!/usr/bin/|=!$(bindir)/|' \
	    debian/gate104.service > $(DESTDIR)$(unitdir)/gate104.service
	chmod 644 $(DESTDIR)$(unitdir)/gate104.service
	install -m 644 debian/gate104.sysusers $(DESTDIR)$(sysusers)/gate104.conf
	install -m 644 debian/gate104.tmpfiles $(DESTDIR)$(tmpfiles)/gate104.conf

clean:
	rm -rf build build-san build-bare build-fuzz build-cov

help:
	@echo 'make            build into build/        make SAN=1   with ASan+UBSan into build-san/'
	@echo 'make test       install what is missing, build, run every test'
	@echo 'make demo       install what is missing, build, show the proxy at work'
	@echo 'make demo-learn the same, from observing to a learned policy that is enforced'
	@echo 'make check      the tests alone          make unit, make e2e   a part of them'
	@echo 'make fuzz       SECONDS=60 JOBS=1 TARGETS="asdu link ...": each parser, that long'
	@echo 'make coverage   what of policy/ its unit tests reach'
	@echo 'make bench      what judging, deciding and decoding cost on this machine'
	@echo 'make bench-log  what the log costs: to write, to wait for, to verify'
	@echo 'make bench-reload  what new policies cost the sessions that run'
	@echo 'make bench-tls  what a handshake and an idle session cost, beside other proxies'
	@echo 'make bench-sandbox  what the sandbox costs: start, memory, throughput'
	@echo 'make prove      what of policy/ is proved, see doc/proof.md'
	@echo 'make model      search the model of the relay, see doc/relay.md'
	@echo 'make lint       format, house rules, cppcheck, clang-tidy'
	@echo 'make install    DESTDIR= PREFIX=/usr/local'
