// For tests: a plugin, which is a library that a program loads while it runs.
extern "C" int PluginAdd(int x) { return x + 40; }
