package io.bianque.standalone.part;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** Versions of what the stack runs, as the parent pom has them. */
public final class Versions {

  private static final Properties ALL = load();

  private Versions() {}

  public static String of(String name) {
    String version = ALL.getProperty(name);
    if (version == null) {
      throw new IllegalArgumentException("no version of " + name + " in versions.properties");
    }
    return version;
  }

  private static Properties load() {
    try (InputStream in =
        Versions.class.getResourceAsStream("/io/bianque/standalone/versions.properties")) {
      Properties all = new Properties();
      all.load(in);
      return all;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
