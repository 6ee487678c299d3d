// A deterministic stand-in for a model: cases that pass, fail, raise and take too long.
module.exports = class {
  id() {
    return 'standin:currency-1';
  }
  async callApi(prompt) {
    if (prompt.includes('boom')) throw new Error("the model's provider answered 500");
    if (prompt.includes('slow')) await new Promise((done) => setTimeout(done, 60000));
    const output = prompt.includes('euro') ? 'EUR' : 'USD';
    return { output, cost: 0.0002, tokenUsage: { total: 12, prompt: 10, completion: 2 } };
  }
};
