// The lesson builds on an interceptor that it does not print; this is one with the behaviour it relies on.
module.exports = class {
  constructor() {
    this.aspects = [];
  }

  use(aspect) {
    this.aspects.push(aspect);
    return this;
  }

  async run(context) {
    const proc = this.aspects.reduceRight(
      (next, aspect) => async () => { await aspect(context, next); },
      () => Promise.resolve(),
    );
    try {
      await proc();
    } catch (ex) {
      console.error(ex);
    }
    return context;
  }
};
