package io.bianque.agent.binary;

import io.bianque.agent.host.BuildId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A 64-bit little-endian program or library: its build id, and which functions lie where in the
 * file. For one thread.
 */
final class ElfFile implements AutoCloseable {
  private static final int MAGIC = 0x464c457f;
  private static final int CLASS_64 = 2;
  private static final int LITTLE_ENDIAN = 1;
  private static final int SEGMENT_BYTES = 56;
  private static final int SECTION_BYTES = 64;
  private static final int SYMBOL_BYTES = 24;

  /** Linked programs have some 15 of the one and 40 of the other. */
  private static final int MOST_SEGMENTS = 256;

  private static final int MOST_SECTIONS = 4096;

  /** The kernel looks at notes of the first page only. */
  private static final int MOST_NOTE_BYTES = 4096;

  private static final int BUILD_ID_BYTES = 20;

  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;
  private static final int PF_X = 1;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_NOBITS = 8;
  private static final int SHT_DYNSYM = 11;
  private static final long SHF_ALLOC = 2;
  private static final long SHF_EXECINSTR = 4;
  private static final int SHN_UNDEF = 0;
  private static final int STT_FUNC = 2;
  private static final int STT_GNU_IFUNC = 10;

  /** As the kernel cuts names of its own. */
  private static final int MOST_NAME_BYTES = 511;

  private static final int SECTION_NAME_BYTES = 64;

  /** Is told of functions, in any order. */
  interface Functions {
    /**
     * A function.
     *
     * @param offset of its first byte in the file
     * @param size in bytes; 0: it is not known, and ends where another begins
     */
    void function(long offset, long size, String name);

    /** Code begins, or ends, at an offset: no function goes on over it. */
    void border(long offset);

    /** Whether there are as many as a table may have. */
    boolean isFull();
  }

  private record Segment(int type, boolean code, long offset, long address, long size) {}

  private record Section(
      String name, int type, long flags, long address, long offset, long size, int link) {
    long end() {
      return offset + size;
    }
  }

  private final FileBytes file;
  private final List<Segment> segments = new ArrayList<>();

  private ElfFile(FileBytes file) throws IOException {
    this.file = file;
    if (file.s32(0) != MAGIC || file.u8(4) != CLASS_64 || file.u8(5) != LITTLE_ENDIAN) {
      throw new MalformedFile("it is no 64-bit little-endian ELF file");
    }
    long table = file.s64(0x20);
    int count = file.u16(0x38);
    if (file.u16(0x36) != SEGMENT_BYTES || count > MOST_SEGMENTS) {
      throw new MalformedFile(
          count + " program headers of " + file.u16(0x36) + " bytes are not read");
    }
    for (int i = 0; i < count; i++) {
      long at = table + (long) i * SEGMENT_BYTES;
      segments.add(
          new Segment(
              file.s32(at),
              (file.s32(at + 4) & PF_X) != 0,
              part("segment", file.s64(at + 8), file.s64(at + 0x20)),
              file.s64(at + 0x10),
              file.s64(at + 0x20)));
    }
  }

  /**
   * Opens a file that is known to be a regular one.
   *
   * @throws IOException when it cannot be read, or is none
   */
  static ElfFile open(Path path) throws IOException {
    FileBytes bytes = new FileBytes(path);
    try {
      return new ElfFile(bytes);
    } catch (IOException e) {
      bytes.close();
      throw e;
    }
  }

  /** Returns the offset, of a part that lies in the file. */
  private long part(String what, long offset, long size) throws MalformedFile {
    if (offset < 0 || size < 0 || offset > file.size() || size > file.size() - offset) {
      throw new MalformedFile(
          "a " + what + " of " + size + " bytes at " + offset + " reaches beyond its end");
    }
    return offset;
  }

  /** In hex, as the kernel reads it: zeros follow one of less than 20 bytes. */
  Optional<String> buildId() throws IOException {
    for (Segment segment : segments) {
      if (segment.type() == PT_NOTE && segment.size() <= MOST_NOTE_BYTES) {
        Optional<String> found =
            BuildId.find(file.bytes(segment.offset(), (int) segment.size()))
                .filter(id -> id.length() <= 2 * BUILD_ID_BYTES);
        if (found.isPresent()) {
          return found.map(id -> id + "0".repeat(2 * BUILD_ID_BYTES - id.length()));
        }
      }
    }
    return Optional.empty();
  }

  /**
   * Tells of all functions: those of the symbol table, or, where that was stripped, of the dynamic
   * one and of Go's own.
   */
  void functions(Functions to) throws IOException {
    for (Segment segment : segments) {
      if (segment.type() == PT_LOAD && segment.code()) {
        border(segment.offset(), segment.size(), to);
      }
    }
    List<Section> sections = sections();
    for (Section section : sections) {
      boolean code = (section.flags() & SHF_ALLOC) != 0 && (section.flags() & SHF_EXECINSTR) != 0;
      if (code && section.type() != SHT_NOBITS) {
        border(section.offset(), section.size(), to);
      }
    }
    if (symbols(sections, SHT_SYMTAB, to) > 0) {
      return;
    }
    int _ = symbols(sections, SHT_DYNSYM, to);
    for (Section section : sections) {
      if (section.name().equals(".gopclntab")) {
        GoTable.functions(file, section.offset(), section.end(), this::offsetOf, to);
      }
    }
  }

  private static void border(long offset, long size, Functions to) {
    to.border(offset);
    to.border(offset + size);
  }

  private List<Section> sections() throws IOException {
    long table = file.s64(0x28);
    int count = file.u16(0x3c);
    int names = file.u16(0x3e);
    if (count == 0) {
      return List.of();
    }
    if (file.u16(0x3a) != SECTION_BYTES || count > MOST_SECTIONS || names >= count) {
      throw new MalformedFile(
          count + " section headers of " + file.u16(0x3a) + " bytes are not read");
    }
    long namesAt = file.s64(table + (long) names * SECTION_BYTES + 0x18);
    List<Section> sections = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long at = table + (long) i * SECTION_BYTES;
      int type = file.s32(at + 4);
      long size = type == SHT_NOBITS ? 0 : file.s64(at + 0x20);
      sections.add(
          new Section(
              file.text(namesAt + file.u32(at), file.size(), SECTION_NAME_BYTES),
              type,
              file.s64(at + 8),
              file.s64(at + 0x10),
              type == SHT_NOBITS ? 0 : part("section", file.s64(at + 0x18), size),
              size,
              file.s32(at + 0x28)));
    }
    return sections;
  }

  /** The number of functions in tables of that type. */
  private int symbols(List<Section> sections, int type, Functions to) throws IOException {
    int count = 0;
    for (Section table : sections) {
      if (table.type() != type || table.link() < 0 || table.link() >= sections.size()) {
        continue;
      }
      Section names = sections.get(table.link());
      for (long at = table.offset(); at <= table.end() - SYMBOL_BYTES; at += SYMBOL_BYTES) {
        int kind = file.u8(at + 4) & 0xf;
        boolean function = kind == STT_FUNC || kind == STT_GNU_IFUNC;
        long offset = function && file.u16(at + 6) != SHN_UNDEF ? offsetOf(file.s64(at + 8)) : -1;
        if (offset < 0) {
          continue;
        }
        if (to.isFull()) {
          return count;
        }
        String name = file.text(names.offset() + file.u32(at), names.end(), MOST_NAME_BYTES);
        if (!name.isEmpty()) {
          to.function(offset, Math.max(0, file.s64(at + 0x10)), name);
          count++;
        }
      }
    }
    return count;
  }

  /** Where in the file the code at an address of the program is; -1: nowhere. */
  private long offsetOf(long address) {
    for (Segment segment : segments) {
      long into = address - segment.address();
      if (segment.type() == PT_LOAD && segment.code() && into >= 0 && into < segment.size()) {
        return segment.offset() + into;
      }
    }
    return -1;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
