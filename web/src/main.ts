import { mount } from "svelte";

import "./app.css";
import App from "./components/App.svelte";

const target = document.getElementById("app");
if (!target) throw new Error("index.html lost its #app element");
mount(App, { target });
