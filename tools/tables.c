/*
 * Prints the pages that are generated from the library's tables:
 *     tables errors      docs/errors.md
 *     tables options     docs/options.md
 */
#include <stdio.h>
#include <string.h>

#include <satchel/satchel.h>

static void print_errors(void)
{
    puts("# Error codes\n");
    puts("Generated from `include/satchel/types.h`. A code says what a caller would do "
         "differently.\n");
    puts("| code | value | meaning |\n|---|---|---|");
#define ROW(name, value, text) printf("| %s | %d | %s |\n", #name, value, text);
    SATCHEL_ERROR_MAP(ROW)
#undef ROW
}

/* A value as code, with the bars of enums escaped; a dash for none. */
static void print_cell(const char *text)
{
    if (*text == '\0') {
        printf("- | ");
        return;
    }
    putchar('`');
    for (; *text != '\0'; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
    printf("` | ");
}

static void print_options(void)
{
    satchel_option option = {.struct_size = sizeof option};
    size_t cursor = 0;
    puts("# Options\n");
    puts("Generated from the option tables. Every key is also read from `SATCHEL_<KEY>` in upper "
         "case.\n");
    puts("| key | type | default | choices | other variables | what it does |");
    puts("|---|---|---|---|---|---|");
    while (satchel_option_next(&cursor, &option)) {
        printf("| `%s` | %s%s | ", option.key, option.type, option.secret ? ", secret" : "");
        print_cell(option.default_value);
        print_cell(option.choices);
        print_cell(option.env);
        printf("%s |\n", option.help);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "errors") == 0) {
        print_errors();
    } else if (argc == 2 && strcmp(argv[1], "options") == 0) {
        print_options();
    } else {
        fprintf(stderr, "usage: tables errors|options\n");
        return 2;
    }
    return 0;
}
