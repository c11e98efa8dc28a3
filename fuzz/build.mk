# Builds the fuzz targets into build-fuzz/; called by fuzz/run from the top folder.
#
# Every fuzz/*.c is a target; fuzz/lib/ is what they share.  The code under test is
# compiled anew, with the sanitizers and the fuzzer's counters in it.  COV=1 builds the
# same without sanitizers, to measure in build-fuzz/cov/ what a corpus reaches.

CC      := clang
COV     ?= 0
ifeq ($(COV),1)
O       := build-fuzz/cov
SAN     := -fprofile-instr-generate -fcoverage-mapping
else
O       := build-fuzz
SAN     := -fsanitize=address,undefined -fno-sanitize-recover=all
endif
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wvla -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
FLAGS   := -std=c11 -D_GNU_SOURCE -I. -DGATE104_SAN=1 \
           -DGATE104_VERSION='"fuzz"' -DGATE104_LIBEXECDIR='"fuzz"' -O1 -g -fno-omit-frame-pointer \
           -fsanitize=fuzzer-no-link $(SAN) $(WARN) -MMD -MP

# What the targets reach.
TESTED  := $(wildcard policy/*.c) \
           sandbox/wire.c sandbox/imsg.c sandbox/role.c \
           proxy/link.c proxy/link_line.c proxy/link_output.c proxy/record.c \
           proxy/endpoint.c proxy/record_settings.c $(wildcard proxy/role_config*.c) \
           $(wildcard proxy/audit_*.c) $(wildcard proxy/operation*.c) \
           $(wildcard proxy/config*.c proxy/policy_file*.c proxy/cli/*.c) \
           certs/identity_wire.c certs/sign_check.c certs/sign_check_tls12.c \
           certs/sign_scheme.c certs/role_name.c certs/role_set.c certs/user_roles.c \
           certs/pins.c certs/security_event.c \
           $(addprefix certs/,ca_cert.c ca_file.c ca_index.c ca_key.c ca_show.c \
                              ca_show_roles.c errtext.c est_answer.c identity_cert.c \
                              identity_roles.c pem.c user_roles_encode.c) \
           certs/pkcs11_uri.c proxy/fetcher_http.c \
           tests/lib/type_matrix.c tests/lib/element_oracle.c
LIBS    := -Wl,--as-needed -lconfig -ljansson -lcrypto
SHARED  := $(wildcard fuzz/lib/*.c)
TARGETS := $(wildcard fuzz/*.c)

OBJ     := $(patsubst %.c,$(O)/obj/%.o,$(TESTED) $(SHARED))
BIN     := $(patsubst fuzz/%.c,$(O)/bin/%,$(TARGETS))

all: $(BIN)

$(O)/bin/%: $(O)/obj/fuzz/%.o $(O)/libtested.a
	@mkdir -p $(@D)
	$(CC) -g -fsanitize=fuzzer $(SAN) -o $@ $^ $(LIBS)

$(O)/libtested.a: $(OBJ)
	rm -f $@ && ar rcs $@ $^

# Comparisons made by the targets themselves teach the fuzzer nothing.
$(O)/obj/fuzz/%.o: FLAGS += -fno-sanitize-coverage=trace-cmp

# libFuzzer brings the main function.
$(O)/obj/proxy/cli/main.o: FLAGS += -Dmain=cli_main -Wno-missing-prototypes

# Inputs that name files reach none (fuzz/lib/virtual_file.h).
$(O)/obj/proxy/config_text.o: FLAGS += -Dopen=fuzz_open

$(O)/obj/%.o: %.c fuzz/build.mk
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

.PHONY: all
.SECONDARY:
-include $(patsubst %.c,$(O)/obj/%.d,$(TESTED) $(SHARED) $(TARGETS))
