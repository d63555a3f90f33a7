package io.bianque.agent.libbpf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/**
 * Functions of libbpf under their own names. Pointers are longs; a negative int is {@code -errno};
 * a null pointer has errno in {@link NativeCall#errno}.
 *
 * <p>Any thread, but one at a time for one object.
 */
@SuppressWarnings("MemberName")
final class Libbpf {
  private static final SymbolLookup LIBRARY = library();

  private static final MemorySegment SET_PRINT = symbol("libbpf_set_print");
  private static final MemorySegment NUM_POSSIBLE_CPUS = symbol("libbpf_num_possible_cpus");
  private static final MemorySegment PROBE_MAP_TYPE = symbol("libbpf_probe_bpf_map_type");
  private static final MemorySegment VERSION_STRING = symbol("libbpf_version_string");
  private static final MemorySegment OPEN_MEM = symbol("bpf_object__open_mem");
  private static final MemorySegment LOAD = symbol("bpf_object__load");
  private static final MemorySegment CLOSE = symbol("bpf_object__close");
  private static final MemorySegment NEXT_PROGRAM = symbol("bpf_object__next_program");
  private static final MemorySegment FIND_MAP = symbol("bpf_object__find_map_by_name");
  private static final MemorySegment PROGRAM_NAME = symbol("bpf_program__name");
  private static final MemorySegment PROGRAM_SECTION = symbol("bpf_program__section_name");
  private static final MemorySegment PROGRAM_AUTOLOAD = symbol("bpf_program__autoload");
  private static final MemorySegment PROGRAM_SET_AUTOLOAD = symbol("bpf_program__set_autoload");
  private static final MemorySegment PROGRAM_ATTACH = symbol("bpf_program__attach");
  private static final MemorySegment PROGRAM_ATTACH_PERF_EVENT =
      symbol("bpf_program__attach_perf_event");
  private static final MemorySegment PROGRAM_FD = symbol("bpf_program__fd");
  private static final MemorySegment LINK_DESTROY = symbol("bpf_link__destroy");
  private static final MemorySegment LINK_FD = symbol("bpf_link__fd");
  private static final MemorySegment MAP_FD = symbol("bpf_map__fd");
  private static final MemorySegment MAP_SET_MAX_ENTRIES = symbol("bpf_map__set_max_entries");
  private static final MemorySegment MAP_SET_AUTOCREATE = symbol("bpf_map__set_autocreate");
  private static final MemorySegment MAP_INITIAL_VALUE = symbol("bpf_map__initial_value");
  private static final MemorySegment LOOKUP_ELEM = symbol("bpf_map_lookup_elem");
  private static final MemorySegment GET_NEXT_KEY = symbol("bpf_map_get_next_key");
  private static final MemorySegment UPDATE_ELEM = symbol("bpf_map_update_elem");
  private static final MemorySegment ENABLE_STATS = symbol("bpf_enable_stats");
  private static final MemorySegment OBJ_PIN = symbol("bpf_obj_pin");
  private static final MemorySegment OBJ_GET = symbol("bpf_obj_get");
  private static final MemorySegment GET_INFO = symbol("bpf_obj_get_info_by_fd");

  private Libbpf() {}

  private static SymbolLookup library() {
    try {
      return SymbolLookup.libraryLookup("libbpf.so.1", Arena.global());
    } catch (IllegalArgumentException missing) {
      throw new LibbpfMissing(
          "libbpf.so.1 cannot be loaded: install libbpf 1.1 or later (apt-get install libbpf1)",
          missing);
    }
  }

  private static MemorySegment symbol(String name) {
    return LIBRARY
        .find(name)
        .orElseThrow(() ->
            new LibbpfMissing(
                "this libbpf has no " + name + ": install libbpf 1.1 or later", null));
  }

  static void libbpf_set_print(long callback) {
    NativeCall.call(SET_PRINT, callback);
  }

  static int libbpf_num_possible_cpus() {
    return (int) NativeCall.call(NUM_POSSIBLE_CPUS);
  }

  /** 1: the kernel has it, 0: not; negative: cannot tell. */
  static int libbpf_probe_bpf_map_type(int type) {
    return (int) NativeCall.call(PROBE_MAP_TYPE, type, 0);
  }

  static long libbpf_version_string() {
    return NativeCall.call(VERSION_STRING);
  }

  static long bpf_object__open_mem(long bytes, long size, long options) {
    return NativeCall.call(OPEN_MEM, bytes, size, options);
  }

  static int bpf_object__load(long object) {
    return (int) NativeCall.call(LOAD, object);
  }

  static void bpf_object__close(long object) {
    NativeCall.call(CLOSE, object);
  }

  /** The first one after 0, 0 after the last one. */
  static long bpf_object__next_program(long object, long previous) {
    return NativeCall.call(NEXT_PROGRAM, object, previous);
  }

  static long bpf_object__find_map_by_name(long object, long name) {
    return NativeCall.call(FIND_MAP, object, name);
  }

  static long bpf_program__name(long program) {
    return NativeCall.call(PROGRAM_NAME, program);
  }

  static long bpf_program__section_name(long program) {
    return NativeCall.call(PROGRAM_SECTION, program);
  }

  static boolean bpf_program__autoload(long program) {
    // A C bool: only the low byte of the register is the result.
    return (NativeCall.call(PROGRAM_AUTOLOAD, program) & 0xff) != 0;
  }

  static int bpf_program__set_autoload(long program, boolean load) {
    return (int) NativeCall.call(PROGRAM_SET_AUTOLOAD, program, load ? 1 : 0);
  }

  static long bpf_program__attach(long program) {
    return NativeCall.call(PROGRAM_ATTACH, program);
  }

  /** The link that comes of it owns the event. */
  static long bpf_program__attach_perf_event(long program, int event) {
    return NativeCall.call(PROGRAM_ATTACH_PERF_EVENT, program, event);
  }

  static int bpf_program__fd(long program) {
    return (int) NativeCall.call(PROGRAM_FD, program);
  }

  static int bpf_link__destroy(long link) {
    return (int) NativeCall.call(LINK_DESTROY, link);
  }

  static int bpf_link__fd(long link) {
    return (int) NativeCall.call(LINK_FD, link);
  }

  static int bpf_map__fd(long map) {
    return (int) NativeCall.call(MAP_FD, map);
  }

  static int bpf_map__set_max_entries(long map, int entries) {
    return (int) NativeCall.call(MAP_SET_MAX_ENTRIES, map, entries);
  }

  static int bpf_map__set_autocreate(long map, boolean create) {
    return (int) NativeCall.call(MAP_SET_AUTOCREATE, map, create ? 1 : 0);
  }

  static long bpf_map__initial_value(long map, long size) {
    return NativeCall.call(MAP_INITIAL_VALUE, map, size);
  }

  static int bpf_map_lookup_elem(int fd, long key, long value) {
    return (int) NativeCall.call(LOOKUP_ELEM, fd, key, value);
  }

  /** The first key after 0. */
  static int bpf_map_get_next_key(int fd, long key, long next) {
    return (int) NativeCall.call(GET_NEXT_KEY, fd, key, next);
  }

  static int bpf_map_update_elem(int fd, long key, long value, long flags) {
    return (int) NativeCall.call(UPDATE_ELEM, fd, key, value, flags);
  }

  /** A file descriptor: the kernel measures until it is closed. */
  static int bpf_enable_stats(int type) {
    return (int) NativeCall.call(ENABLE_STATS, type);
  }

  static int bpf_obj_pin(int fd, long path) {
    return (int) NativeCall.call(OBJ_PIN, fd, path);
  }

  static int bpf_obj_get(long path) {
    return (int) NativeCall.call(OBJ_GET, path);
  }

  static int bpf_obj_get_info_by_fd(int fd, long info, long length) {
    return (int) NativeCall.call(GET_INFO, fd, info, length);
  }
}
