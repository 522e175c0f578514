#include <peaberry/cli/app.hpp>

int main(int argc, char** argv) { return peaberry::cli::run(argc, argv); }
