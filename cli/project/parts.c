/*
 * Libraries that services in C often use: which header and which functions belong to which
 * pkg-config package, and what that is called here. Asked by hints.c when a build has failed. Pure.
 */
#include "project/project.h"

#include <string.h>

/* Names are separated by blanks; "PQ*" stands for all that begin so. The first match counts, so
 * the narrower prefix stands above the wider. */
static const struct part parts[] = {
    {"shallot-fetch", "libshallot-dev", "", "sl_fetch* sl_proxy*", "shallot-fetch"},
    {"shallot-pg", "libshallot-dev", "", "sl_pg_*", "shallot-pg"},
    {"shallot", "libshallot-dev", "shallot.h shallot/*", "sl_*", "shallot*"},
    {"libpq", "libpq-dev", "libpq-fe.h postgresql/libpq-fe.h", "PQ*", "pq"},
    {"sqlite3", "libsqlite3-dev", "sqlite3.h", "sqlite3_*", "sqlite3"},
    {"zlib", "zlib1g-dev", "zlib.h zconf.h",
     "deflate* inflate* crc32* adler32* compress compress2 uncompress uncompress2 gzopen gzread "
     "gzwrite gzclose zlibVersion",
     "z"},
    {"libcurl", "libcurl4-openssl-dev", "curl/*", "curl_*", "curl"},
    {"libsodium", "libsodium-dev", "sodium.h sodium/*", "sodium_* crypto_* randombytes_*",
     "sodium"},
    {"openssl", "libssl-dev", "openssl/*",
     "SSL_* EVP_* RAND_* BIO_* X509_* HMAC* SHA1* SHA256* SHA512* MD5* ERR_* PEM_* RSA_* BN_* "
     "OPENSSL_* CRYPTO_*",
     "ssl crypto"},
    {"json-c", "libjson-c-dev", "json-c/*", "json_object_* json_tokener_*", "json-c"},
    {"jansson", "libjansson-dev", "jansson.h", "json_*", "jansson"},
    {"libcjson", "libcjson-dev", "cjson/cJSON.h cJSON.h", "cJSON_*", "cjson"},
    {"libxml-2.0", "libxml2-dev", "libxml/*", "xml* html*", "xml2"},
    {"expat", "libexpat1-dev", "expat.h", "XML_*", "expat"},
    {"yaml-0.1", "libyaml-dev", "yaml.h", "yaml_*", "yaml"},
    {"hiredis", "libhiredis-dev", "hiredis/* hiredis.h", "redis*", "hiredis"},
    {"libpcre2-8", "libpcre2-dev", "pcre2.h pcre2posix.h", "pcre2_*", "pcre2-8"},
    {"glib-2.0", "libglib2.0-dev", "glib.h glib-object.h gio/*", "g_*", "glib-2.0"},
    {"uuid", "uuid-dev", "uuid/uuid.h", "uuid_*", "uuid"},
    {"libuv", "libuv1-dev", "uv.h", "uv_*", "uv"},
    {"libevent", "libevent-dev", "event2/* event.h", "event_* evhttp_* evbuffer_* bufferevent_*",
     "event"},
    {"libmariadb", "libmariadb-dev", "mysql.h mysql/mysql.h mariadb/mysql.h", "mysql_*",
     "mariadb mysqlclient"},
    {"libmongoc-1.0", "libmongoc-dev", "mongoc.h mongoc/*", "mongoc_*", "mongoc-1.0"},
    {"libbson-1.0", "libbson-dev", "bson.h bson/*", "bson_*", "bson-1.0"},
    {"libzstd", "libzstd-dev", "zstd.h zdict.h", "ZSTD_*", "zstd"},
    {"libbrotlienc", "libbrotli-dev", "brotli/encode.h", "BrotliEncoder*", "brotlienc"},
    {"libbrotlidec", "libbrotli-dev", "brotli/decode.h", "BrotliDecoder*", "brotlidec"},
    {"liblz4", "liblz4-dev", "lz4.h lz4frame.h", "LZ4*", "lz4"},
    {"liblzma", "liblzma-dev", "lzma.h", "lzma_*", "lzma"},
    {"libpng", "libpng-dev", "png.h", "png_*", "png"},
    {"libjpeg", "libjpeg-dev", "jpeglib.h", "jpeg_*", "jpeg"},
    {"libmagic", "libmagic-dev", "magic.h", "magic_*", "magic"},
    {"libsystemd", "libsystemd-dev", "systemd/*", "sd_*", "systemd"},
    {"libmaxminddb", "libmaxminddb-dev", "maxminddb.h", "MMDB_*", "maxminddb"},
    {"lmdb", "liblmdb-dev", "lmdb.h", "mdb_*", "lmdb"},
    {"rdkafka", "librdkafka-dev", "librdkafka/*", "rd_kafka_*", "rdkafka"},
    {"libzmq", "libzmq3-dev", "zmq.h", "zmq_*", "zmq"},
    {"libmosquitto", "libmosquitto-dev", "mosquitto.h", "mosquitto_*", "mosquitto"},
    {"libseccomp", "libseccomp-dev", "seccomp.h", "seccomp_*", "seccomp"},
    {"libcares", "libc-ares-dev", "ares.h", "ares_*", "cares"},
    {"libnghttp2", "libnghttp2-dev", "nghttp2/*", "nghttp2_*", "nghttp2"},
    {"libelf", "libelf-dev", "libelf.h gelf.h elfutils/*", "elf_* gelf_*", "elf"},
    {"libcrypt", "libcrypt-dev", "crypt.h", "crypt crypt_r crypt_gensalt*", "crypt"},
    {"ncurses", "libncurses-dev", "ncurses.h curses.h", "initscr endwin newwin mvprintw printw",
     "ncurses"},
    {"cmocka", "libcmocka-dev", "cmocka.h", "cmocka_* _cmocka_* _assert_*", "cmocka"},
    {"check", "check", "check.h", "srunner_* suite_create tcase_*", "check"},
};

static bool among(const char *name, const char *list)
{
    size_t len = strlen(name);

    while (*list) {
        size_t word = strcspn(list, " ");
        bool prefix = word > 0 && list[word - 1] == '*';

        if (prefix ? strncmp(name, list, word - 1) == 0
                   : word == len && strncmp(name, list, len) == 0)
            return true;
        list += word + strspn(list + word, " ");
    }
    return false;
}

bool part_is_math(const char *function)
{
    static const char list[] =
        "sin sinf cos cosf tan tanf asin acos atan atan2 sinh cosh tanh exp "
        "exp2 log log2 log10 pow powf sqrt sqrtf cbrt hypot floor ceil round "
        "lround trunc fmod fmodf fabs nan";

    return among(function, list);
}

const struct part *part_find(enum part_key key, const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct part *p = &parts[i];
        const char *const lists[] = {[PART_HEADER] = p->headers,
                                     [PART_FUNCTION] = p->functions,
                                     [PART_LIBRARY] = p->libraries,
                                     [PART_PACKAGE] = p->package};

        if (among(name, lists[key]))
            return p;
    }
    return NULL;
}
