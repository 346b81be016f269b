"""Where the build puts libspiking_engine.so, the native engine of the spiking network."""
