package io.bianque.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.Module;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What two kernels said of two modules, recorded: from 6.4 on a module's code is an allocation by
 * itself.
 */
class ModulesTest {
  @TempDir Path folder;

  @Test
  void codeThatIsOneAllocationWithTheRestEndsAtItsReadOnlyData() throws IOException {
    assertThat(modules("6.1"))
        .containsExactlyInAnyOrder(
            new Module("nf_tables", null, 0xffffffffc02a8000L, 0x2b000L),
            new Module("veth", null, 0xffffffffc02f3000L, 0x4000L));
  }

  @Test
  void codeThatIsAnAllocationByItselfEndsBeforeTheModulesNextOne() throws IOException {
    // nft_pipapo_insert.cold begins at the end of one page and reaches into the next.
    assertThat(modules("6.12"))
        .containsExactlyInAnyOrder(
            new Module("nf_tables", null, 0xffffffffc05b1000L, 0x32000L),
            new Module("veth", null, 0xffffffffc0610000L, 0x5000L));
  }

  @Test
  void placesThatOnlyLoadingNeededDoNotBound() throws IOException {
    // Freed when the module was loaded; another module may lie there by now.
    Files.createDirectories(folder.resolve("sys/module/veth/sections"));
    Files.writeString(folder.resolve("sys/module/veth/sections/.init.text"), "0xffffffffc0614000");

    assertThat(modules("6.12")).anyMatch(m -> m.getName().equals("veth") && m.getSize() == 0x5000);
  }

  @Test
  void codeFarFromTheModulesOtherPartsEndsWithItsLastSymbolsPage() throws IOException {
    put("proc/modules", "veth 40960 0 - Live 0xffffffffc0610000\n");
    put("sys/module/veth/sections/.text", "0xffffffffc0610000");
    put("sys/module/veth/sections/.data", "0xffffffffc0915000");
    put("sys/module/veth/coresize", "40960");

    assertThat(Modules.read(new HostRoot(folder), Map.of("veth", 0xffffffffc0613c59L)))
        .containsExactly(new Module("veth", null, 0xffffffffc0610000L, 0x4000L));
  }

  @Test
  void modulesThatComeAndGoAreNoticedAndTheirUsersAreNot() throws IOException {
    put("proc/modules", "veth 40960 0 - Live 0xffffffffc0610000");
    ModuleWatch watch = new ModuleWatch(new HostRoot(folder));
    assertThat(watch.changed()).isFalse();

    put("proc/modules", "veth 40960 2 nf_tables, Live 0xffffffffc0610000");
    assertThat(watch.changed()).isFalse();

    put("proc/modules", "veth 40960 0 - Live 0xffffffffc0620000");
    assertThat(watch.changed()).isTrue();
    assertThat(watch.changed()).isFalse();

    Files.delete(folder.resolve("proc/modules"));
    assertThat(watch.changed()).isTrue();
  }

  private List<Module> modules(String kernel) throws IOException {
    Map<String, Long> lastSymbols = new HashMap<>();
    StringBuilder loaded = new StringBuilder();
    for (String line : recorded(kernel).lines().toList()) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "S" -> {
          String file = "sys/module/" + words[1] + "/sections/" + words[2];
          if (!Files.exists(folder.resolve(file))) {
            put(file, words[3]);
          }
        }
        case "C" -> {
          put("sys/module/" + words[1] + "/coresize", words[2]);
          loaded.append(words[1]).append(' ').append(words[2]).append(" 0 - Live 0x0\n");
        }
        case "L" -> lastSymbols.put(words[1], Long.parseUnsignedLong(words[2].substring(2), 16));
        default -> assertThat(line).startsWith("#");
      }
    }
    put("proc/modules", loaded.toString());
    return Modules.read(new HostRoot(folder), lastSymbols);
  }

  private static String recorded(String kernel) throws IOException {
    try (var in = ModulesTest.class.getResourceAsStream("modules-" + kernel + ".txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private void put(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text + "\n");
  }
}
