package io.bianque.agent.btf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The little of a 64-bit little-endian ELF file that BTF needs: sections by name, and where a
 * variable lies in its section.
 */
final class ElfObject {
  private static final int MAX_BYTES = 64 << 20;
  private static final int SECTION_HEADER_BYTES = 64;
  private static final int SYMBOL_BYTES = 24;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_NOBITS = 8;

  private record SectionHeader(String name, int type, long offset, long size, int link) {}

  private final String what;
  private final Bytes file;
  private final List<SectionHeader> sections = new ArrayList<>();
  private final Map<String, Integer> variableOffsets = new HashMap<>();

  private ElfObject(String what, Bytes file) {
    this.what = what;
    this.file = file;
  }

  static ElfObject read(Path path) {
    try {
      if (Files.size(path) > MAX_BYTES) {
        throw new BtfException(path + ": " + Files.size(path) + " bytes are no probe object");
      }
      return of(path.toString(), ByteBuffer.wrap(Files.readAllBytes(path)));
    } catch (IOException e) {
      throw new BtfException(path + ": cannot be read: " + e, e);
    }
  }

  static ElfObject of(String what, ByteBuffer bytes) {
    ElfObject elf = new ElfObject(what, Bytes.Memory.of(what, bytes));
    elf.readSections();
    elf.readSymbols();
    return elf;
  }

  Bytes section(String name) {
    for (SectionHeader section : sections) {
      if (section.name.equals(name) && section.type != SHT_NOBITS) {
        return file.part("section " + name, section.offset, section.size);
      }
    }
    throw new BtfException(
        what + ": has no section " + name + "; compile it with clang -target bpf -g");
  }

  /**
   * Where the symbol table puts a variable in its section. clang leaves the offsets in BTF itself 0
   * for libbpf to fill in from here.
   */
  OptionalInt variableOffset(String section, String variable) {
    Integer offset = variableOffsets.get(section + "/" + variable);
    return offset == null ? OptionalInt.empty() : OptionalInt.of(offset);
  }

  private void readSections() {
    if (file.size() < 64 || file.s32(0) != 0x464c457f) {
      throw new BtfException(what + ": offset 0x0: is no ELF file");
    }
    if (file.u8(4) != 2) {
      throw new BtfException(what + ": offset 0x4: is no 64-bit ELF file");
    }
    if (file.u8(5) != 1) {
      throw new BtfException(
          what + ": offset 0x5: is a big-endian object; compile it with clang -target bpfel");
    }
    long table = file.s64(0x28);
    int entry = file.u16(0x3a);
    int count = file.u16(0x3c);
    int nameTable = file.u16(0x3e);
    if (entry != SECTION_HEADER_BYTES) {
      throw new BtfException(
          what + ": offset 0x3a: section headers of " + entry + " bytes instead of 64");
    }
    Bytes headers = file.part("section headers", table, (long) count * entry);
    if (nameTable >= count) {
      throw new BtfException(
          what + ": offset 0x3e: names its section " + nameTable + " of " + count + " for names");
    }
    int namesAt = nameTable * entry;
    Bytes names =
        file.part("section names", headers.s64(namesAt + 0x18), headers.s64(namesAt + 0x20));
    for (int i = 0; i < count; i++) {
      int at = i * entry;
      sections.add(
          new SectionHeader(
              Names.string(names, headers.s32(at)),
              headers.s32(at + 4),
              headers.s64(at + 0x18),
              headers.s64(at + 0x20),
              headers.s32(at + 0x28)));
    }
  }

  private void readSymbols() {
    for (SectionHeader table : sections) {
      if (table.type != SHT_SYMTAB) {
        continue;
      }
      if (table.link < 0 || table.link >= sections.size()) {
        throw new BtfException(
            what + ": symbol table at " + Bytes.hex(table.offset) + " has no names");
      }
      SectionHeader nameTable = sections.get(table.link);
      Bytes names = file.part("symbol names", nameTable.offset, nameTable.size);
      Bytes symbols = file.part("symbol table", table.offset, table.size);
      for (int at = 0; at <= symbols.size() - SYMBOL_BYTES; at += SYMBOL_BYTES) {
        int section = symbols.u16(at + 6);
        long value = symbols.s64(at + 8);
        if (section > 0 && section < sections.size() && value >= 0 && value <= MAX_BYTES) {
          String variable = Names.string(names, symbols.s32(at));
          variableOffsets.put(sections.get(section).name + "/" + variable, (int) value);
        }
      }
    }
  }
}
