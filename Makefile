# smimed: build, test, install. `make demo` and `make check` need nothing prepared.

VERSION  = 0.1.0
CC      ?= cc
PREFIX  ?= /usr/local
VARIANT ?= plain
B        = build/$(VARIANT)

PKGS     = libconfig gmime-3.0 jansson libcurl sqlite3 p11-kit-1 libidn2 libssl libcrypto
WARN     = -Wall -Wextra -Wshadow -Wconversion $(WERROR)
OPT_plain = -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT_asan  = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_fuzz  = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LD_plain  = -pie -Wl,-z,relro,-z,now
LD_asan   = -fsanitize=address,undefined
LD_fuzz   = -fsanitize=fuzzer,address,undefined
OPT      ?= $(OPT_$(VARIANT))
ALL_CFLAGS = -std=gnu17 $(WARN) $(OPT) -pthread -D_GNU_SOURCE -DSMIMED_VERSION='"$(VERSION)"' $(CFLAGS)

# What each folder may see (DESIGN section 8); the compiler enforces it.
SEE_address =
SEE_rules   = -Iaddress
SEE_store   = -Iaddress
SEE_smime   = -Iaddress
SEE_daemon  = -Iaddress -Irules -Istore -Ismime
SEE_admin   = -Iaddress -Irules -Istore -Ismime -Idaemon
SEE_tests   = -Iaddress -Irules -Istore -Ismime -Idaemon -Itests

USE_address = libidn2
USE_rules   = libconfig
USE_store   = sqlite3 p11-kit-1 libcrypto
USE_smime   = gmime-3.0 libcrypto
USE_daemon  = libcrypto
USE_admin   = jansson libcrypto
USE_tests   = check libcrypto

FOLDERS = address rules store smime daemon admin
LIB_SRC = $(wildcard address/*.c rules/*.c store/*.c smime/*.c) \
          $(filter-out daemon/main.c daemon/milter.c,$(wildcard daemon/*.c))
LIB_OBJ = $(LIB_SRC:%.c=$(B)/%.o)
DAEMON_OBJ = $(B)/daemon/main.o $(B)/daemon/milter.o
ADMIN_OBJ  = $(patsubst %.c,$(B)/%.o,$(wildcard admin/*.c))
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

all: $(B)/smimed $(B)/smimectl

$(B)/libsmimed.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/smimed: $(DAEMON_OBJ) $(B)/libsmimed.a
	$(CC) $(ALL_CFLAGS) $(LD_$(VARIANT)) -o $@ $^ -lmilter $(LIBS) $(LDFLAGS)

$(B)/smimectl: $(ADMIN_OBJ) $(B)/libsmimed.a
	$(CC) $(ALL_CFLAGS) $(LD_$(VARIANT)) -o $@ $^ $(LIBS) $(LDFLAGS)

define folder_rule
CFLAGS_$(1) := $$(shell pkg-config --cflags $$(USE_$(1)) 2>/dev/null | sed 's/-I/-isystem /g')
$$(B)/$(1)/%.o: $(1)/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(SEE_$(1)) $$(CFLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$(f))))

# Tests: each tests/<folder>/test_*.c is one Check program.
TEST_SRC  = $(wildcard tests/*/test_*.c)
TEST_BIN  = $(TEST_SRC:%.c=$(B)/%)
CFLAGS_tests := $(shell pkg-config --cflags $(USE_tests) gmime-3.0 jansson 2>/dev/null | sed 's/-I/-isystem /g')
$(B)/tests/%: tests/%.c $(wildcard tests/*.h) $(B)/libsmimed.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SEE_tests) $(CFLAGS_tests) $(LD_$(VARIANT)) -MMD -MP -MF $@.d -o $@ $(filter %.c,$^) \
	    $(B)/libsmimed.a $(LIBS) $(shell pkg-config --libs check) $(LDFLAGS)

# Fuzz targets: tests/fuzz/fuzz_*.c, seeds in tests/fuzz/seeds/<name>/ (make VARIANT=fuzz CC=clang fuzzers).
FUZZ_BIN = $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzzers: $(FUZZ_BIN)
tests-programs: $(TEST_BIN)

clean:
	rm -rf build

.PHONY: all clean fuzzers tests-programs
-include $(LIB_OBJ:.o=.d) $(DAEMON_OBJ:.o=.d) $(ADMIN_OBJ:.o=.d)
