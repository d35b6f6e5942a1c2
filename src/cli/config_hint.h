/* config_hint.h - what is said of a key or section of a configuration file that there is not, with the nearest that there is. */
#ifndef EM_CLI_CONFIG_HINT_H
#define EM_CLI_CONFIG_HINT_H

#include "cli/options.h"

enum { EM_HINT_BYTES = 240 };

/* Whether an option can stand in a file; and what the one that is called as its part is, is called in [part]: "url", of http "address". */
bool        em_config_has_key(const em_option *row);
const char *em_config_main_key(const char *part);

/* All return out. section: as it stands in the file, "": none yet; part: "mqtt" in [mqtt], NULL in no such section. */
char *em_config_hint_key(char *out, size_t room, const char *key, const char *part, const char *section);
char *em_config_hint_tuning(char *out, size_t room, const char *key, bool is_group, const char *section);      /* in [class "Dog"] */
char *em_config_hint_section(char *out, size_t room, const char *kind);

#endif
