package io.bianque.tests.components;

/** A server that tests can borrow. */
public enum Component {
  BROKER("broker"),
  REGISTRY("registry"),
  SEARCH("search"),
  OBJECT_STORE("object-store"),
  /**
   * A Connect worker with our sinks as plugin and no connector yet; brings {@link #BROKER} along.
   */
  CONNECT("connect");

  final String part;

  Component(String part) {
    this.part = part;
  }
}
